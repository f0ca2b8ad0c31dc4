import { expect, test } from "vitest";

import { isBrokerAddress } from "./broker-address.ts";

test.each([
  "amqp://user@host:5672/vhost",
  "amqps://host",
  "kafka://one:9092",
  "kafka://one:9092,two:9092,three?namespace=team&partitions=12",
  "kafka://one/",
  "kafkas://one:9093,two",
  "kafkas://user@one:9093,two:9093?sasl=plain",
  "kafka://user@localhost",
])("%s is an address", (address) => {
  expect(isBrokerAddress(address)).toBe(true);
});

test.each([
  "amqp://user:secret@host/vhost",
  "amqps://:secret@host",
  "kafka://user:secret@one:9092",
  "kafka://one:9092,user:secret@two:9092",
  "kafka://user@",
  "kafka://one,user@two",
  "kafkas://:secret@one",
  "kafkas://user:@one",
  "kafka://",
  "kafka:///",
  "kafka://one two",
  "http://host",
  "one:9092",
  "",
])("%s is none: what is shown and stored holds no password", (address) => {
  expect(isBrokerAddress(address)).toBe(false);
});
