import { AgentError } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { brokerOf } from "./broker.ts";
import { rabbitmqLimits } from "./limits.ts";
import { reconnectDelayMs } from "./link.ts";
import { featuresOf } from "./topology.ts";

const options = {
  rng: () => 1,
  ids: { uuid: () => "u", short: () => "s" },
  clock: { now: () => 0 },
  onError: () => undefined,
};

test("pauses between connections grow from 0.2 s to 30 s, anywhere below their bound", () => {
  const at = (rng: number) => (attempt: number) =>
    reconnectDelayMs({ rng: () => rng, tuning: rabbitmqLimits }, attempt);
  expect([1, 2, 3, 8, 1_000].map(at(1))).toEqual([400, 800, 1_600, 30_000, 30_000]);
  expect([1, 2, 3, 8, 1_000].map(at(0))).toEqual([200, 200, 200, 200, 200]);
});

test.each([
  ["3.10.8", false],
  ["3.13.7", false],
  ["4.0.5", true],
  ["4.3.1", true],
])("RabbitMQ %s has a limit of deliveries by default: %s", (version, hasDefaultDeliveryLimit) => {
  expect(featuresOf(version)).toEqual({ hasDefaultDeliveryLimit });
});

test.each(["3.9.29", "2.8.1", "0"])("RabbitMQ %s is refused", (version) => {
  expect(() => featuresOf(version)).toThrow(AgentError);
});

test("a password goes into the address of the connection and not into what is shown", () => {
  const broker = brokerOf({ ...options, url: "amqp://ann@broker:5671/jobs", password: "p@ss:w/rd" });
  expect([broker.url, broker.address]).toEqual(["amqp://ann:p%40ss%3Aw%2Frd@broker:5671/jobs", "broker:5671"]);
});
