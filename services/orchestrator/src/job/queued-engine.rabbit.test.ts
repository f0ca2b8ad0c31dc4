// Engine, worker, relay and a real RabbitMQ; and a broker that is away while the outbox grows.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { connect } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";

import { envelope, pool } from "../testing/queue-under-test.ts";
import { testRabbitmqQueue } from "../testing/rabbitmq-queue.ts";
import { openTestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { describeQueuedEngine } from "./queued-engine.contract.ts";
import { createRelay } from "./relay.ts";

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
});
afterAll(() => server.remove());

describeQueuedEngine("RabbitMQ", () => {
  const prefix = `e${randomUUID().slice(0, 8)}`;
  return {
    openQueue: (onError) => testRabbitmqQueue({ url: server.url, prefix }, { onError }),
    async purge() {
      const connection = await connect(server.url);
      const channel = await connection.createChannel();
      await channel.purgeQueue(`${prefix}.jobs.${pool}`);
      await connection.close();
    },
  };
});

test("C26K broker_down_60s_outbox_drains_in_order_of_availability, in less than 60 s", async () => {
  const engine = await openTestEngine();
  const prefix = `r${randomUUID().slice(0, 8)}`;
  const queue = testRabbitmqQueue({ url: server.url, prefix });
  const relay = createRelay({ engine, queue, pools: [pool], slots: 50 });
  await queue.ensureTopology([pool]);
  relay.start();
  // RabbitMQ 3.10 forgets a queue that is younger when it is killed.
  await sleep(2_000);
  await server.kill();
  const rows = [3, 1, 2, 0].map((n) => {
    const sent = envelope(n);
    return {
      id: sent.messageId,
      pool,
      dedupe_id: sent.dedupeId,
      plan_id: sent.planId,
      step_id: sent.stepId,
      tenant_id: sent.tenantId,
      priority: n === 3 ? 1 : 0,
      envelope_json: JSON.stringify(sent),
      available_at: n,
      claimed_until: 0,
    };
  });
  await engine.store.tx((tx) => tx.insertInto("outbox").values(rows).execute());
  relay.wake();
  // Long enough for rounds that cannot get anywhere.
  await sleep(1_500);
  const waiting = () => engine.store.read.selectFrom("outbox").select("id").execute();
  expect((await waiting()).length).toBe(4);
  await server.start();
  await waitUntil("the outbox is empty", async () => (await waiting()).length === 0, 60_000);
  const seen: string[] = [];
  queue.subscribe(pool, 1, async (delivery) => {
    seen.push(delivery.envelope.stepId);
    await delivery.settle("done");
  });
  await waitUntil("all arrive", () => seen.length >= 4, 30_000);
  expect(seen).toEqual(["step-3", "step-0", "step-1", "step-2"]);
  await relay.stop();
  await queue.close({ drainMs: 1_000 });
  await engine.remove();
});
