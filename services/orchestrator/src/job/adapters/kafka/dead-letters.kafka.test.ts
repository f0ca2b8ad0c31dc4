// Dead letters on a real broker of Kafka: many, large ones, and those of a topic that was made again.
import { randomUUID } from "node:crypto";

import type { JobEnvelope } from "@ossaat/contracts";
import { startKafka } from "@ossaat/testkit";
import type { KafkaServer } from "@ossaat/testkit";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";

import { testLimits } from "../../../testing/kafka-under-test.ts";
import { envelope, envelopes, named, pool } from "../../../testing/queue-under-test.ts";
import type { DeadLetters } from "../../job-queue.ts";
import type { LetterHead } from "../../letter-head.ts";
import { buryRecord, createDeadLetters } from "./dead-letters.ts";
import type { DeadLetterDeps } from "./dead-letters.ts";
import { createClient } from "./kafka-client.ts";
import { KafkaTopics } from "./kafka-topics.ts";
import { kafkaLimits } from "./limits.ts";
import { Publisher } from "./publisher.ts";
import { deadLetterTopic, jobsTopic } from "./topics.ts";

let server: KafkaServer;
beforeAll(async () => {
  server = await startKafka();
});
afterAll(() => server.remove());

const listedBytes = 20_000;

let deps: DeadLetterDeps;
let letters: DeadLetters;
beforeEach(async () => {
  const limits = { ...kafkaLimits, ...testLimits, listedBytes };
  const namespace = `t-${randomUUID()}`;
  const kafka = createClient({ brokers: [server.address], limits });
  const topics = new KafkaTopics(kafka, [server.address], limits);
  const publisher = new Publisher({ kafka, topics, namespace, limits, onError: () => undefined });
  const settings = { "cleanup.policy": "compact" };
  await topics.ensure([
    { topic: jobsTopic(namespace, pool), partitions: 1 },
    { topic: deadLetterTopic(namespace, pool), partitions: 1, settings },
  ]);
  deps = { kafka, topics, publisher, namespace, limits, onError: () => undefined };
  letters = createDeadLetters(deps);
});
afterEach(async () => {
  await deps.publisher.close();
  await deps.topics.close();
});

const recordOf = (offset: number, content: string, timestamp = "1000") => ({
  partition: 0,
  offset,
  timestamp,
  key: null,
  value: Buffer.from(content),
  passes: 0,
});
const bury = (offset: number, content: string, timestamp?: string) =>
  buryRecord(deps, pool, { record: recordOf(offset, content, timestamp), reason: "no good" });
const textOf = (each: JobEnvelope) => JSON.stringify(each);
const listed = async (tenantId?: string) =>
  (await letters.list(pool, 1_000, { tenantId })).letters.map(({ message }) => message);

test("a record of a topic that was made again takes no older letter's place, and twice is once", async () => {
  await bury(5, "first");
  await bury(5, "second");
  await bury(5, "second", "2000");
  await bury(5, "second");
  expect(await listed()).toEqual(["first", "second", "second"]);
  const ids = (await letters.list(pool, 10)).letters.map(({ id }) => id);
  expect(ids.every((id) => /^[0-9a-f-]+$/u.test(id))).toBe(true);
});

test("a list is as long as its bytes allow, and goes on when the first have ended", async () => {
  const large = (n: number) => `${n}${"x".repeat(9_000)}`;
  for (let n = 0; n < 6; n += 1) await bury(n, large(n));
  await bury(6, "y".repeat(30_000));
  for (const expected of [
    [0, 1],
    [2, 3],
    [4, 5],
  ]) {
    const shown = (await letters.list(pool, 1_000)).letters;
    expect(shown.map(({ message }) => message)).toEqual(expected.map(large));
    for (const { id } of shown) expect(await letters.end(pool, named(id), "drop")).toEqual([id]);
  }
  expect((await letters.list(pool, 1_000)).letters.map(({ message }) => message.length)).toEqual([30_000]);
  expect(await letters.count(pool)).toBe(1);
});

test("a tenant sees and counts its own letters behind many of another", async () => {
  const own = envelope(9_000, { tenantId: "others" });
  const messages = envelopes(1_500).map((each, n) => ({ key: `0-${n}`, value: textOf(each) }));
  await deps.publisher.send(deadLetterTopic(deps.namespace, pool), messages);
  await bury(9_000, textOf(own));
  expect(await listed("others")).toEqual([textOf(own)]);
  expect([await letters.count(pool, "others"), await letters.count(pool, "local")]).toEqual([1, 1_500]);
  const [letter] = (await letters.list(pool, 1, { tenantId: "others" })).letters;
  expect(await letters.end(pool, named(letter?.id ?? ""), "requeue")).toEqual([letter?.id ?? ""]);
  expect([await listed("others"), await letters.count(pool, "others"), await letters.count(pool)]).toEqual([
    [],
    0,
    1_500,
  ]);
});

test("a look that takes too long ends with an error that says so, and the next one goes on", async () => {
  await bury(5, "first");
  const hurried = createDeadLetters({ ...deps, limits: { ...deps.limits, readMs: 1 } });
  const told = { code: "unavailable", message: expect.stringContaining("did not send all of") as unknown };
  await expect(hurried.list(pool, 10)).rejects.toMatchObject(told);
  await expect(hurried.end(pool, named("x"), "drop")).rejects.toMatchObject(told);
  await expect(letters.list(pool, 10, { withinMs: 1 })).rejects.toMatchObject(told);
  await expect(letters.end(pool, { ...named("x"), withinMs: 1 }, "drop")).rejects.toMatchObject(told);
  expect(await listed()).toEqual(["first"]);
});

test("a broker that does not answer is given up when the look's time is over", async () => {
  await bury(5, "first");
  server.freeze();
  try {
    await expect(letters.list(pool, 10, { withinMs: 200 })).rejects.toMatchObject({
      message: expect.stringContaining("did not send all of") as unknown,
    });
  } finally {
    server.thaw();
  }
  expect(await listed()).toEqual(["first"]);
});

test("letters that are given back at once are as many as their bytes allow; the others wait", async () => {
  for (let n = 0; n < 5; n += 1) await bury(n, `${n}${"x".repeat(9_000)}`);
  const choose = (heads: readonly LetterHead[]) => heads.map(({ id }) => id);
  const rounds: number[] = [];
  for (let n = 0; n < 4; n += 1) rounds.push((await letters.end(pool, { choose }, "requeue")).length);
  expect([rounds, await listed()]).toEqual([[2, 2, 1, 0], []]);
});

test("of more letters than are known at once the oldest are seen, and it is said that these are not all", async () => {
  const narrow = createDeadLetters({ ...deps, limits: { ...deps.limits, deadLetters: 3 } });
  for (let n = 0; n < 8; n += 1) await bury(n, `letter ${n}`);
  const rounds: unknown[] = [];
  for (let n = 0; n < 4; n += 1) {
    const { letters: shown, isCut } = await narrow.list(pool, 10);
    const seen: unknown[] = [isCut, shown.map(({ message }) => message.slice(-1)).join("")];
    const choose = (heads: readonly LetterHead[], isAll: boolean) => {
      seen.push(isAll);
      return heads.map(({ id }) => id);
    };
    seen.push((await narrow.end(pool, { choose }, n === 1 ? "requeue" : "drop")).length);
    rounds.push(seen);
  }
  expect(rounds).toEqual([
    [true, "012", false, 3],
    [true, "345", false, 3],
    [false, "67", true, 2],
    [false, "", true, 0],
  ]);
});
