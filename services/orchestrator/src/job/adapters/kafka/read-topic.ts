// Reads a topic of one partition as it is now, each time with a reader of its own.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import type { EachBatchPayload, Kafka, KafkaMessage } from "kafkajs";

import { retryOptions } from "./kafka-client.ts";
import type { KafkaTopics } from "./kafka-topics.ts";
import type { KafkaLimits } from "./limits.ts";

export type ReadDeps = {
  kafka: Kafka;
  topics: KafkaTopics;
  /** Beginning of the name of the reader's group. */
  namespace: string;
  limits: KafkaLimits;
  onError: (error: unknown) => void;
};

/** What is done with the records of a topic. */
export type Reading = {
  take(message: KafkaMessage): void;
  /** Reads the topic once more from an offset; absent = it is read. */
  next?(): { from: number; reading: Reading } | undefined;
};

function tooSlow(topic: string, ms: number): AgentError {
  return new AgentError("unavailable", `The broker did not send all of ${topic} within ${Math.ceil(ms / 1_000)} s.`, {
    details: { reason: "read_timeout", next: "try it again; `ossaat queue status` says whether the broker answers" },
  });
}

type Read = {
  topic: string;
  reading: Reading;
  /** Time for all of it, ms; absent = as the limits say. */
  withinMs?: number | undefined;
};

/**
 * Reads a topic of one partition from its first record to the last that it has now.
 * @throws AgentError unavailable when that takes too long
 */
export async function readTopic(deps: ReadDeps, { topic, reading, withinMs = Number.POSITIVE_INFINITY }: Read) {
  const { topics, namespace, limits } = deps;
  const ms = Math.min(limits.readMs, withinMs);
  const over = new AbortController();
  const late = sleep(ms, undefined, { signal: over.signal }).then(
    () => {
      throw tooSlow(topic, ms);
    },
    () => undefined,
  );
  // A reader of its own: a shared one would make others wait for their turn.
  const groupId = `${namespace}.reader.${randomUUID()}`;
  try {
    const ends = await Promise.race([topics.lag(topic, groupId), late]);
    const [first] = ends ?? [];
    if (first !== undefined && first.lag > 0) {
      await readRecords(deps, { topic, reading, groupId, last: first.high - 1, late });
    }
  } finally {
    over.abort();
  }
}

type Records = Read & { groupId: string; last: number; late: Promise<void> };

/** @param late rejects when it has taken too long */
async function readRecords(
  { kafka, topics, limits, onError }: ReadDeps,
  { topic, reading, groupId, last, late }: Records,
): Promise<void> {
  const { promise: read, resolve: end, reject: crash } = Promise.withResolvers<void>();
  const consumer = kafka.consumer({
    groupId,
    maxWaitTimeInMs: limits.fetchWaitMs,
    retry: { ...retryOptions(limits), restartOnFailure: () => Promise.resolve(false) },
  });
  consumer.on("consumer.crash", ({ payload }) => crash(payload.error));
  let current = reading;
  const goOn = ({ batch }: EachBatchPayload) => {
    for (const message of batch.messages) current.take(message);
    if (Number(batch.lastOffset()) < last) return;
    const next = current.next?.();
    if (next === undefined) {
      end();
      return;
    }
    current = next.reading;
    consumer.seek({ topic, partition: batch.partition, offset: String(next.from) });
  };
  const eachBatch = (payload: EachBatchPayload) => {
    try {
      goOn(payload);
    } catch (error) {
      // NOTE: the client would try the same batch again.
      crash(error);
    }
    return Promise.resolve();
  };
  const start = async () => {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatch });
  };
  const starting = start();
  const leave = async () => {
    await starting.catch(() => undefined);
    await consumer.disconnect();
    await topics.removeGroup(groupId);
  };
  try {
    await Promise.race([Promise.all([starting, read]), read, late]);
  } catch (error) {
    // Whoever asked has waited long enough.
    void leave().catch(onError);
    throw error;
  }
  // What was read is read; the broker forgets a group without marks by itself.
  await Promise.race([leave().catch(onError), sleep(limits.leaveMs, undefined, { ref: false })]);
}
