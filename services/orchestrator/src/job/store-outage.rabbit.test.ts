// A store that is away for a while, and a worker that takes its messages from a real RabbitMQ meanwhile.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { connect } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";

import { outageReasons } from "../store/store-outage.ts";
import { statusesOf } from "../testing/look.ts";
import { pool } from "../testing/queue-under-test.ts";
import { testRabbitmqQueue, testTuning } from "../testing/rabbitmq-queue.ts";
import { messagesOf } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { rabbitmqLimits } from "./adapters/rabbitmq/limits.ts";
import { completeStep } from "./end-step.ts";
import { createWorker } from "./worker.ts";

const outageMs = 5_000;
const maxWaitMs = 60_000;
const plan = testPlan(["a", "b", "c"].map((id) => testStep(id)));

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
});
afterAll(() => server.remove());

/** How often each message that waits was delivered before; they stay in the queue. */
async function countRedeliveries(queue: string): Promise<number[]> {
  const connection = await connect(server.url);
  const channel = await connection.createChannel();
  const counts: number[] = [];
  for (;;) {
    const message = await channel.get(queue);
    if (message === false) break;
    counts.push(Number(message.properties.headers?.["x-delivery-count"] ?? 0));
  }
  await connection.close();
  return counts;
}

test("an outage of the store makes no dead letters: what waits for its retry is not given back", async () => {
  const engine = await openTestEngine();
  await storeApproved(engine, plan);
  const { store } = engine;
  const lost = new AgentError("unavailable", "The store is away.", {
    details: { reason: outageReasons.connectionLost },
  });
  let isAway = true;
  let tries = 0;
  engine.store = {
    ...store,
    tx: (work) => {
      if (!isAway) return store.tx(work);
      tries += 1;
      return Promise.reject(lost);
    },
  };
  const prefix = `o${randomUUID().slice(0, 8)}`;
  const { deliveryLimit } = rabbitmqLimits;
  const queue = testRabbitmqQueue({ url: server.url, prefix }, { tuning: { ...testTuning, deliveryLimit } });
  await queue.ensureTopology([pool]);
  const messages = await messagesOf(engine, plan.id);
  expect((await queue.publish(messages)).map(({ accepted }) => accepted)).toEqual([true, true, true]);
  const runStep = (claim: Parameters<typeof completeStep>[1]) => completeStep(engine, claim, { summary: "" });
  const work = (workerId: string) => {
    const worker = createWorker({ engine, queue, runStep, workerId, pool, slots: 1 });
    worker.start();
    return worker;
  };

  const first = work("worker-1");
  await sleep(outageMs);
  await first.stop();
  // Each of them was tried, and given back once: when its worker stopped.
  expect(tries).toBeGreaterThan(3);
  const jobs = `${prefix}.jobs.${pool}`;
  await waitUntil("all are given back", async () => (await queue.depth(pool)) === 3, maxWaitMs);
  const redeliveries = await countRedeliveries(jobs);
  expect([redeliveries.length, (await queue.deadLetters.list(pool, 10)).letters]).toEqual([3, []]);
  expect(redeliveries.reduce((sum, count) => sum + count, 0)).toBeLessThan(10);

  isAway = false;
  const second = work("worker-2");
  await waitUntil(
    "the steps end",
    async () => {
      const { a, b, c } = await statusesOf(engine, plan.id);
      return [a, b, c].every((status) => status === "succeeded");
    },
    maxWaitMs,
  );
  await second.stop();
  expect((await queue.deadLetters.list(pool, 10)).letters).toEqual([]);
  await queue.close({ drainMs: 1_000 });
  await engine.remove();
});
