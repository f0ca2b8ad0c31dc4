// Dead letters on Kafka: a compacted topic of one partition, keyed by the place of the record it was. A
// letter that has ended is a record without a value.
import { randomUUID } from "node:crypto";

import type { EachBatchPayload, IHeaders, Kafka, KafkaMessage } from "kafkajs";

import type { DeadLetter, DeadLetters } from "../../job-queue.ts";
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

type Letter = { id: string; reason: string; key: string; value: Buffer };

/** The key of the record in its topic; a letter has its own. */
const keyHeader = "record-key";
const reasonHeader = "reason";

/** Keeps a record apart. Twice is once: its place names it. */
export async function buryRecord(
  { publisher, namespace }: DeadLetterDeps,
  pool: string,
  { record, reason }: { record: JobRecord; reason: string },
): Promise<void> {
  const headers = { [reasonHeader]: reason, [keyHeader]: record.key ?? "" };
  const key = `${record.partition}-${record.offset}`;
  const value = record.value ?? Buffer.alloc(0);
  await publisher.send(deadLetterTopic(namespace, pool), [{ key, value, headers }]);
}

const textOf = (headers: IHeaders | undefined, name: string) => String(headers?.[name] ?? "");

function note(letters: Map<string, Letter>, { key, value, headers }: KafkaMessage): void {
  const id = String(key);
  if (value === null) letters.delete(id);
  else letters.set(id, { id, reason: textOf(headers, reasonHeader), key: textOf(headers, keyHeader), value });
}

/** Reads a topic of one partition from its first record to the last that it has now. */
async function readTopic(
  { kafka, topics, namespace, limits }: DeadLetterDeps,
  topic: string,
  take: (message: KafkaMessage) => void,
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
  const eachBatch = ({ batch }: EachBatchPayload) => {
    batch.messages.forEach(take);
    if (Number(batch.lastOffset()) >= last) end();
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

async function readLetters(deps: DeadLetterDeps, pool: string): Promise<Letter[]> {
  const letters = new Map<string, Letter>();
  await readTopic(deps, deadLetterTopic(deps.namespace, pool), (message) => {
    note(letters, message);
    const [oldest] = letters.keys();
    if (letters.size > deps.limits.deadLetters && oldest !== undefined) letters.delete(oldest);
  });
  return [...letters.values()];
}

const shown = ({ id, reason, value }: Letter): DeadLetter => ({ id, reason, message: value.toString("utf8") });

/** The topic is read again only when something was added to it: an end of a letter is a record too. */
function createCount(deps: DeadLetterDeps): DeadLetters["count"] {
  const known = new Map<string, { high: number; count: number }>();
  return async (pool) => {
    const [ends] = await deps.topics.lag(deadLetterTopic(deps.namespace, pool), `${deps.namespace}.reader`);
    const high = ends?.high ?? 0;
    const before = known.get(pool);
    if (before?.high === high) return before.count;
    const count = (await readLetters(deps, pool)).length;
    known.set(pool, { high, count });
    return count;
  };
}

export function createDeadLetters(deps: DeadLetterDeps): DeadLetters {
  const { publisher, namespace } = deps;
  return {
    count: createCount(deps),
    list: async (pool, limit) => (await readLetters(deps, pool)).slice(0, limit).map(shown),
    async end(pool, id, how) {
      const letter = (await readLetters(deps, pool)).find((candidate) => candidate.id === id);
      if (letter === undefined) return false;
      if (how === "requeue")
        await publisher.send(jobsTopic(namespace, pool), [{ key: letter.key, value: letter.value }]);
      await publisher.send(deadLetterTopic(namespace, pool), [{ key: id, value: null }]);
      return true;
    },
  };
}
