import { expect, test } from "vitest";

import { parseKafkaAddress } from "./kafka-address.ts";

test("names brokers, with the usual port where none is written, and what topics are like", () => {
  expect(["kafka://one", "kafka://one:9192/", "kafka://one:1,10.0.0.2,[::1]:3"].map(parseKafkaAddress)).toEqual([
    { brokers: ["one:9092"], isTls: false },
    { brokers: ["one:9192"], isTls: false },
    { brokers: ["one:1", "10.0.0.2:9092", "[::1]:3"], isTls: false },
  ]);
  expect(parseKafkaAddress("kafka://one?namespace=team-a&partitions=24&copies=3")).toEqual({
    brokers: ["one:9092"],
    isTls: false,
    namespace: "team-a",
    partitions: 24,
    replicationFactor: 3,
  });
});

test("names a user and how that one is known, with TLS or on this machine", () => {
  const known = (user: string, mechanism: string) => ({ login: { user, mechanism } });
  expect(
    [
      "kafkas://one,two:1",
      "kafkas://ann@one",
      "kafkas://%24Connection%40x@one?sasl=plain",
      "kafka://ann@localhost,127.0.0.1:1,[::1]:2?sasl=scram-sha-256",
    ].map(parseKafkaAddress),
  ).toEqual([
    { brokers: ["one:9093", "two:1"], isTls: true },
    { brokers: ["one:9093"], isTls: true, ...known("ann", "scram-sha-512") },
    { brokers: ["one:9093"], isTls: true, ...known("$Connection@x", "plain") },
    { brokers: ["localhost:9092", "127.0.0.1:1", "[::1]:2"], isTls: false, ...known("ann", "scram-sha-256") },
  ]);
});

test.each([
  ["amqp://one", "must begin with kafka:// or kafkas://"],
  ["kafka://ann@one", "use kafkas://"],
  ["kafka://ann@localhost,one", "use kafkas://"],
  ["kafkas://ann@one?sasl=gssapi", "sasl must be one of plain"],
  ["kafkas://one?sasl=plain", "it names none"],
  ["kafkas://ann:secret@one", "it holds a password"],
  ["kafka://", "is no host and port"],
  ["kafka://one,,two", "is no host and port"],
  ["kafka://user:secret@one", "it holds a password"],
  ["kafkas://one,ann@two", "a user that is none"],
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
