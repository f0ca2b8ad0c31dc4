// A plan whose queue is swapped while it runs, from one broker over none to another one.
import { startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, describe, expect, inject } from "vitest";

import { caseList } from "../testing/case-list.ts";
import { EngineBench, benchWaitMs } from "../testing/engine-bench.ts";
import { kafkaUnderEngine } from "../testing/kafka-engine.ts";
import { eventsOf } from "../testing/look.ts";
import { postgresTestStore } from "../testing/postgres.ts";
import { pool } from "../testing/queue-under-test.ts";
import { rabbitmqUnderEngine } from "../testing/rabbitmq-engine.ts";
import { storeApproved } from "../testing/test-engine.ts";
import { sqliteTestStore } from "../testing/test-store.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { combinationTitle, queueNames } from "./durability-cases.ts";
import type { Claim } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { resumeWork } from "./resume-work.ts";
import { reemitReady } from "./sweep.ts";

const ids = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
const plan = testPlan(ids.map((id) => testStep(id)));
/** Steps that end before the queue is swapped again. */
const endsEach = 3;

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
});
afterAll(() => server.remove());

/** Runs some steps, and is stopped while it has another one in hand. */
async function workABit(bench: EngineBench): Promise<void> {
  let ended = 0;
  let isHolding = false;
  bench.work(async (claim: Claim, signal) => {
    if (ended < endsEach) {
      ended += 1;
      return bench.finish(claim);
    }
    isHolding = true;
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
  });
  await waitUntil("it holds a step", () => isHolding, benchWaitMs);
}

/** As an operator does: other setting, start. What the old queue had is announced again in its time. */
async function swap(bench: EngineBench, next: Parameters<EngineBench["swap"]>[0]): Promise<void> {
  const { engine } = bench;
  await bench.swap(next);
  await resumeWork(engine, () => true);
  engine.clock.advance(jobEngineLimits.reemitAfterMs);
  await reemitReady(engine);
  engine.wakeQueue();
}

for (const store of [sqliteTestStore, postgresTestStore]) {
  describe(`a swap: ${combinationTitle(queueNames, store.name)}`, () => {
    const cases = caseList(["C45"], "Kafka");

    cases.test("C45", async () => {
      const rabbit = rabbitmqUnderEngine(server.url);
      const bench = await EngineBench.open(rabbit, store);
      try {
        const { engine } = bench;
        await storeApproved(engine, plan);
        await workABit(bench);
        await swap(bench, {});
        // What nobody took stays at the old broker.
        expect(await rabbit.count?.()).toBeGreaterThan(0);
        await workABit(bench);
        await swap(bench, kafkaUnderEngine([inject("kafkaAddress")]));
        bench.work();
        await bench.ends(plan.id);
        const before = await eventsOf(engine, plan.id);
        await bench.swap(rabbit);
        bench.work();
        await waitUntil("the old messages are gone", async () => (await bench.queue.depth(pool)) === 0, benchWaitMs);
        expect(await eventsOf(engine, plan.id)).toEqual(before);
        expect([new Set(await bench.startsOf(plan.id)), await bench.faultsOf(plan.id)]).toEqual([
          new Set([...ids, "plan.finish"]),
          [],
        ]);
        expect(before.filter((event) => event.startsWith("step.lost"))).toEqual([]);
      } finally {
        await bench.remove();
      }
    });
    cases.testCompleteness();
  });
}
