import { expect, test } from "vitest";

import { parseRabbitmqAddress } from "./rabbitmq-address.ts";

test.each([
  ["amqp://ann@broker:5671/jobs", { url: "amqp://ann@broker:5671/jobs" }],
  ["amqp://broker?prefix=team-a", { url: "amqp://broker", prefix: "team-a" }],
  ["amqps://ann@broker/%2f?prefix=a.b_C-1", { url: "amqps://ann@broker/%2f", prefix: "a.b_C-1" }],
])("%s", (text, address) => {
  expect(parseRabbitmqAddress(text)).toEqual(address);
});

test.each([
  ["amqp://broker?prefix=", "prefix must be letters"],
  ["amqp://broker?prefix=amq.x", "not begin with amq."],
  ["amqp://broker?prefix=a%20b", "prefix must be letters"],
  ["amqp://broker?namespace=a", 'there is no "namespace"'],
  ["amqp://broker?heartbeat=0", 'there is no "heartbeat"'],
  ["broker", "it is no address"],
])("%s is refused", (text, problem) => {
  expect(() => parseRabbitmqAddress(text)).toThrow(problem);
});
