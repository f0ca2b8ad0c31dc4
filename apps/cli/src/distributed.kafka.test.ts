// A deployment of real processes on PostgreSQL and Kafka: a plan ends well, and its jobs went over the broker.
import { Kafka, logLevel } from "kafkajs";
import { expect, inject, test } from "vitest";

import { runOnFleet } from "./testing/run-on-fleet.ts";

test("a plan of a deployment goes over Kafka", async () => {
  const address = inject("kafkaAddress");
  const namespace = `fleet-${process.pid}`;
  const run = await runOnFleet({ OSSAAT_QUEUE: `kafka://${address}?namespace=${namespace}&partitions=3` });
  expect(run).toEqual({ status: "succeeded", findings: [], waiting: 0, ends: [0, 0, 0] });
  const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const marks = await admin.fetchTopicOffsets(`${namespace}.jobs.default`);
  await admin.disconnect();
  const sent = marks.reduce((sum, { high }) => sum + Number(high), 0);
  // At least one for each step: the planning, three of the plan, the last.
  expect(sent).toBeGreaterThanOrEqual(5);
});
