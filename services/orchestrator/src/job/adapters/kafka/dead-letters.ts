// Dead letters on Kafka: a compacted topic of one partition, keyed by the record it was. A
// letter that has ended is a record without a value.
import { createHash, randomUUID } from "node:crypto";

import type { EachBatchPayload, IHeaders, Kafka, KafkaMessage } from "kafkajs";

import type { DeadLetter, DeadLetters } from "../../job-queue.ts";
import { ownerOf } from "../../letter-owner.ts";
import { retryOptions } from "./kafka-client.ts";
import type { KafkaTopics } from "./kafka-topics.ts";
import type { KafkaLimits } from "./limits.ts";
import type { JobRecord } from "./pool-pump.ts";
import type { Publisher } from "./publisher.ts";
import { deadLetterTopic, jobsTopic } from "./topics.ts";

export type DeadLetterDeps = {
  kafka: Kafka;
  topics: KafkaTopics;
  publisher: Publisher;
  namespace: string;
  limits: KafkaLimits;
};

/** Where a letter stands in the topic, and whose it is; its body stays at the broker. */
type Place = { offset: number; owner: string; bytes: number };

/** The key of the record in its topic; a letter has its own. */
const keyHeader = "record-key";
const reasonHeader = "reason";

/** NOTE: the place alone is another record's too, once the topic was deleted and made again. */
function letterId({ partition, offset, timestamp, value }: JobRecord): string {
  const hash = createHash("sha256")
    .update(`${timestamp} `)
    .update(value ?? "");
  return `${partition}-${offset}-${hash.digest("hex").slice(0, 12)}`;
}

/** Keeps a record apart. Twice is once: its place, time and content name it. */
export async function buryRecord(
  { publisher, namespace }: DeadLetterDeps,
  pool: string,
  { record, reason }: { record: JobRecord; reason: string },
): Promise<void> {
  const headers = { [reasonHeader]: reason, [keyHeader]: record.key ?? "" };
  const value = record.value ?? Buffer.alloc(0);
  await publisher.send(deadLetterTopic(namespace, pool), [{ key: letterId(record), value, headers }]);
}

const textOf = (headers: IHeaders | undefined, name: string) => String(headers?.[name] ?? "");

type Reading = {
  take(message: KafkaMessage): void;
  /** Reads the topic once more from an offset; absent = it is read. */
  next?(): { from: number; reading: Reading } | undefined;
};

/** Reads a topic of one partition from its first record to the last that it has now. */
async function readTopic(
  { kafka, topics, namespace, limits }: DeadLetterDeps,
  topic: string,
  reading: Reading,
): Promise<void> {
  // A reader of its own: a shared one would make others wait for their turn.
  const groupId = `${namespace}.reader.${randomUUID()}`;
  const [ends] = await topics.lag(topic, groupId);
  if (ends === undefined || ends.lag === 0) return;
  const last = ends.high - 1;
  const { promise: read, resolve: end, reject: crash } = Promise.withResolvers<void>();
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: limits.fetchWaitMs,
    retry: { ...retryOptions(limits), restartOnFailure: () => Promise.resolve(false) },
  });
  consumer.on("consumer.crash", ({ payload }) => crash(payload.error));
  let current = reading;
  const eachBatch = ({ batch }: EachBatchPayload) => {
    for (const message of batch.messages) current.take(message);
    if (Number(batch.lastOffset()) < last) return Promise.resolve();
    const next = current.next?.();
    if (next === undefined) end();
    else {
      current = next.reading;
      consumer.seek({ topic, partition: batch.partition, offset: String(next.from) });
    }
    return Promise.resolve();
  };
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch });
    await read;
  } finally {
    await consumer.disconnect();
    await topics.removeGroup(groupId);
  }
}

/** Notes which letters there are, oldest first. */
function notePlaces(places: Map<string, Place>, { deadLetters }: KafkaLimits): Reading["take"] {
  return ({ key, value, offset }) => {
    const id = String(key);
    if (value === null) return void places.delete(id);
    places.set(id, { offset: Number(offset), owner: ownerOf(value.toString()), bytes: value.length });
    const [oldest] = places.keys();
    if (places.size > deadLetters && oldest !== undefined) places.delete(oldest);
  };
}

type Wanted = { limit: number; tenantId: string | undefined };

/** Offsets of the oldest letters that fit into one list. */
function choose(places: ReadonlyMap<string, Place>, { limit, tenantId }: Wanted, { listedBytes }: KafkaLimits) {
  const chosen = new Set<number>();
  let room = listedBytes;
  for (const { offset, owner, bytes } of places.values()) {
    if (tenantId !== undefined && owner !== tenantId) continue;
    if (chosen.size >= limit || (bytes > room && chosen.size > 0)) break;
    chosen.add(offset);
    room -= bytes;
  }
  return chosen;
}

/** NOTE: which letters are still there is known only at the end of the topic; so bodies are read the second time. */
async function listLetters(deps: DeadLetterDeps, pool: string, wanted: Wanted): Promise<DeadLetter[]> {
  const places = new Map<string, Place>();
  const letters: DeadLetter[] = [];
  await readTopic(deps, deadLetterTopic(deps.namespace, pool), {
    take: notePlaces(places, deps.limits),
    next() {
      const chosen = choose(places, wanted, deps.limits);
      if (chosen.size === 0) return undefined;
      const take = ({ key, value, headers, offset }: KafkaMessage) => {
        if (value === null || !chosen.delete(Number(offset))) return;
        letters.push({ id: String(key), reason: textOf(headers, reasonHeader), message: value.toString("utf8") });
      };
      return { from: Math.min(...chosen), reading: { take } };
    },
  });
  return letters;
}

type Letter = { key: string; value: Buffer };

async function findLetter(deps: DeadLetterDeps, pool: string, id: string): Promise<Letter | undefined> {
  let letter: Letter | undefined;
  await readTopic(deps, deadLetterTopic(deps.namespace, pool), {
    take({ key, value, headers }) {
      if (String(key) === id) letter = value === null ? undefined : { key: textOf(headers, keyHeader), value };
    },
  });
  return letter;
}

async function countByOwner(deps: DeadLetterDeps, pool: string): Promise<Map<string, number>> {
  const places = new Map<string, Place>();
  await readTopic(deps, deadLetterTopic(deps.namespace, pool), { take: notePlaces(places, deps.limits) });
  const counts = new Map<string, number>();
  for (const { owner } of places.values()) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts;
}

const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((all, one) => all + one, 0);

/** The topic is read again only when something was added to it: an end of a letter is a record too. */
function createCount(deps: DeadLetterDeps): DeadLetters["count"] {
  const known = new Map<string, { high: number; counts: Map<string, number> }>();
  return async (pool, tenantId) => {
    const [ends] = await deps.topics.lag(deadLetterTopic(deps.namespace, pool), `${deps.namespace}.reader`);
    const high = ends?.high ?? 0;
    let found = known.get(pool);
    if (found?.high !== high) {
      found = { high, counts: await countByOwner(deps, pool) };
      known.set(pool, found);
    }
    return tenantId === undefined ? sum(found.counts) : (found.counts.get(tenantId) ?? 0);
  };
}

export function createDeadLetters(deps: DeadLetterDeps): DeadLetters {
  const { publisher, namespace } = deps;
  return {
    count: createCount(deps),
    list: (pool, limit, tenantId) => listLetters(deps, pool, { limit, tenantId }),
    async end(pool, id, how) {
      const letter = await findLetter(deps, pool, id);
      if (letter === undefined) return false;
      const { key, value } = letter;
      if (how === "requeue") await publisher.send(jobsTopic(namespace, pool), [{ key, value }]);
      await publisher.send(deadLetterTopic(namespace, pool), [{ key: id, value: null }]);
      return true;
    },
  };
}
