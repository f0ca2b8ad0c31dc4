// A deployment of real processes on PostgreSQL and RabbitMQ: a plan ends well, and its jobs went over the broker.
import { startRabbitmq } from "@ossaat/testkit";
import type { RabbitmqServer } from "@ossaat/testkit";
import { connect } from "amqplib";
import { afterAll, beforeAll, expect, test } from "vitest";

import { expectOneTrace, expectScrapes } from "./testing/expect-one-trace.ts";
import { runOnFleet } from "./testing/run-on-fleet.ts";
import { traceOnFleet } from "./testing/trace-on-fleet.ts";

let server: RabbitmqServer;
beforeAll(async () => {
  server = await startRabbitmq();
});
afterAll(() => server.remove());

/** The broker as an orchestrator is told of it. */
function queueSettings(): Record<string, string> {
  const address = new URL(server.url);
  address.password = "";
  return { OSSAAT_QUEUE: address.href, OSSAAT_QUEUE_PASSWORD: "guest" };
}

test("a plan of a deployment is one trace, also over RabbitMQ", async () => {
  const run = await traceOnFleet(queueSettings());
  expectOneTrace(run);
  expectScrapes(run, 0);
});

test("a plan of a deployment goes over RabbitMQ and leaves no message", async () => {
  const run = await runOnFleet(queueSettings());
  expect(run).toEqual({ status: "succeeded", findings: [], waiting: 0, ends: [0, 0, 0] });
  const connection = await connect(server.url);
  const channel = await connection.createChannel();
  const counts: number[] = [];
  // Asking for a queue that was never made fails.
  for (const queue of ["ossaat.jobs.default", "ossaat.dlq.default"]) {
    counts.push((await channel.checkQueue(queue)).messageCount);
  }
  await connection.close();
  expect(counts).toEqual([0, 0]);
});
