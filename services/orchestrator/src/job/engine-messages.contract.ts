// Messages that come twice, late, in another order, or not at all: the plan comes to the same.
import { PlanId } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { expect } from "vitest";

import type { CaseList } from "../testing/case-list.ts";
import type { EngineBench } from "../testing/engine-bench.ts";
import { benchWaitMs } from "../testing/engine-bench.ts";
import { eventsOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { seededRng } from "../testing/manual-clock.ts";
import { pool } from "../testing/queue-under-test.ts";
import { messagesOf } from "../testing/take-step.ts";
import { storeApproved } from "../testing/test-engine.ts";
import { unrulyQueue } from "../testing/unruly-queue.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { eachOnce, widePlan } from "../testing/wide-plan.ts";
import { failStep } from "./end-step.ts";
import { reemitReady, sweepTimers } from "./sweep.ts";

const planId = widePlan.id;

const audit = (id: string, ...needs: string[]) => testStep(id, { action: "audit", needs });
const meshed = (id: PlanId) =>
  testPlan([audit("a"), audit("b"), audit("c", "a", "b"), audit("d", "a"), audit("e", "c", "d"), audit("f")], { id });

function testCopies(cases: CaseList, current: () => EngineBench): void {
  cases.test("C40", async () => {
    const bench = current();
    await storeApproved(bench.engine, widePlan);
    const messages = await messagesOf(bench.engine, planId);
    bench.work();
    for (let n = 0; n < 10; n += 1) {
      // A duplicate has an id of its own when it was announced twice, and the same when it was sent twice.
      await bench.queue.publish(messages);
      await bench.queue.publish(messages.map((message) => ({ ...message, messageId: `${message.messageId}-${n}` })));
    }
    await bench.ends(planId);
    await bench.isEmpty();
    expect([await bench.startsOf(planId), await bench.faultsOf(planId)]).toEqual([eachOnce, []]);
  });

  cases.test("C41", async () => {
    const bench = current();
    const { engine } = bench;
    const run = async (n: number) => {
      const id = PlanId.parse(`plan-00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
      await storeApproved(engine, meshed(id));
      // Whoever is full gives a message back, and it comes again by the clock.
      await bench.ends(id, 20);
      expect(await bench.faultsOf(id)).toEqual([]);
      return [await statusesOf(engine, id), (await eventsOf(engine, id)).sort()];
    };
    bench.work();
    const expected = await run(1);
    for (const seed of [2, 3, 4]) {
      await bench.stop();
      const queue = await bench.start((each) => unrulyQueue(each, seededRng(seed)));
      bench.work(bench.finish, { queue });
      expect(await run(seed)).toEqual(expected);
    }
  });

  cases.test("C42", async () => {
    const bench = current();
    const { engine } = bench;
    await storeApproved(engine, widePlan);
    const [old] = await messagesOf(engine, planId);
    if (old === undefined) throw new Error("no message");
    const failed: number[] = [];
    bench.work(async (claim) => {
      if (claim.stepId !== old.stepId || claim.attempt > 1) return bench.finish(claim);
      failed.push(claim.attempt);
      await failStep(engine, claim, { reason: "internal", code: "internal", message: "not yet", retryable: true });
    });
    const backsOff = async () => (await stepRowOf(engine, planId, old.stepId)).status === "backoff";
    await waitUntil("the step backs off", backsOff, benchWaitMs);
    await bench.queue.publish([{ ...old, messageId: "old-again" }]);
    await bench.isEmpty();
    engine.clock.advance(60_000);
    await sweepTimers(engine);
    await bench.queue.publish([{ ...old, messageId: "old-once-more" }]);
    await bench.ends(planId);
    expect([failed, await bench.startsOf(planId)]).toEqual([[1], [...eachOnce, old.stepId].sort()]);
    expect(await bench.faultsOf(planId)).toEqual([]);
  });
}

function testRelays(cases: CaseList, current: () => EngineBench): void {
  cases.test("C44", async () => {
    const bench = current();
    await bench.start();
    await storeApproved(bench.engine, widePlan);
    bench.work();
    await bench.ends(planId);
    expect([await bench.startsOf(planId), await bench.faultsOf(planId)]).toEqual([eachOnce, []]);
  });

  cases.test("C46", async () => {
    const bench = current();
    const { engine, carried } = bench;
    await storeApproved(engine, widePlan);
    if (carried.openQueue !== undefined) await bench.isRelayed(planId);
    if (carried.purge === undefined) await engine.store.tx((tx) => tx.deleteFrom("outbox").execute());
    else await carried.purge();
    bench.work();
    expect(await bench.startsOf(planId)).toEqual([]);
    engine.clock.advance(60_000);
    await reemitReady(engine);
    engine.wakeQueue();
    await bench.ends(planId);
    expect([await bench.startsOf(planId), await bench.faultsOf(planId)]).toEqual([eachOnce, []]);
  });

  cases.test("C47", async () => {
    const bench = current();
    const { engine, carried } = bench;
    /** As the rows say: each ready step has one message, in the outbox or at the broker. */
    const truth = async () => {
      const ready = await engine.store.read
        .selectFrom("step")
        .select("step_id")
        .where("status", "=", "ready")
        .execute();
      return ready.length - (carried.openQueue === undefined ? 0 : (await messagesOf(engine, planId)).length);
    };
    const looks: number[][] = [];
    const look = async () => {
      const seen = async () => [
        await bench.queue.depth(pool),
        (await carried.count?.()) ?? (await truth()),
        await truth(),
      ];
      await waitUntil("the counts agree", async () => new Set(await seen()).size === 1, benchWaitMs);
      looks.push(await seen());
    };
    await storeApproved(engine, widePlan);
    if (carried.openQueue !== undefined) await bench.isRelayed(planId);
    await look();
    const { promise: going, resolve: go } = Promise.withResolvers<void>();
    let held = 0;
    const worker = bench.work(
      async (claim) => {
        held += 1;
        await going;
        await bench.finish(claim);
      },
      { slots: 1 },
    );
    await waitUntil("one runs", () => held === 1, benchWaitMs);
    await look();
    go();
    await bench.ends(planId);
    await worker.stop();
    await look();
    expect(looks).toEqual([4, 3, 0].map((count) => [count, count, count]));
  });
}

export function testMessages(cases: CaseList, current: () => EngineBench): void {
  testCopies(cases, current);
  testRelays(cases, current);
}
