// Engine, worker, relay and a real RabbitMQ that gives up slow consumers soon, over both stores; then it is away.
import { randomUUID } from "node:crypto";

import { startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { afterAll, beforeAll } from "vitest";

import { postgresTestStore } from "../testing/postgres.ts";
import { impatientRabbitmq, rabbitmqUnderEngine } from "../testing/rabbitmq-engine.ts";
import { testRabbitmqQueue } from "../testing/rabbitmq-queue.ts";
import { sqliteTestStore } from "../testing/test-store.ts";
import { describeQueuedEngine } from "./queued-engine.contract.ts";
import { describeRelayOutage } from "./relay-outage.contract.ts";

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq({ settings: impatientRabbitmq });
});
afterAll(() => server.remove());

for (const store of [sqliteTestStore, postgresTestStore]) {
  describeQueuedEngine("RabbitMQ", () => rabbitmqUnderEngine(server.url), store);
}

describeRelayOutage("RabbitMQ", {
  open: () => testRabbitmqQueue({ url: server.url, prefix: `r${randomUUID().slice(0, 8)}` }),
  kill: () => server.kill(),
  start: () => server.start(),
  // RabbitMQ 3.10 forgets a queue that is younger when it is killed.
  settleMs: 2_000,
});
