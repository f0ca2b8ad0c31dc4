import { expect, test } from "vitest";

import { parseKafkaAddress } from "./kafka-address.ts";

test("names brokers, with the usual port where none is written, and what topics are like", () => {
  expect(["kafka://one", "kafka://one:9192/", "kafka://one:1,10.0.0.2,[::1]:3"].map(parseKafkaAddress)).toEqual([
    { brokers: ["one:9092"] },
    { brokers: ["one:9192"] },
    { brokers: ["one:1", "10.0.0.2:9092", "[::1]:3"] },
  ]);
  expect(parseKafkaAddress("kafka://one?namespace=team-a&partitions=24&copies=3")).toEqual({
    brokers: ["one:9092"],
    namespace: "team-a",
    partitions: 24,
    replicationFactor: 3,
  });
});

test.each([
  ["amqp://one", "must begin with kafka://"],
  ["kafka://", "is no host and port"],
  ["kafka://one,,two", "is no host and port"],
  ["kafka://user:secret@one", "is no host and port"],
  ["kafka://one:99999", "is no host and port"],
  ["kafka://one/topic", "is no host and port"],
  ["kafka://one?partitions=0", "partitions must be a number from 1"],
  ["kafka://one?copies=many", "copies must be a number from 1"],
  ["kafka://one?namespace=a/b", "namespace must be"],
  ["kafka://one?acks=1", 'there is no "acks"'],
])("%s is refused", (text, why) => {
  const parse = () => parseKafkaAddress(text);
  expect(parse).toThrow(expect.objectContaining({ code: "invalid_input" }));
  expect(parse).toThrow(why);
});
