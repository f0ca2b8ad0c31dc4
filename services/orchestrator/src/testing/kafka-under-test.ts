// The queue on a broker of Kafka, as the suites of a queue need it.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

import type { JobEnvelope } from "@ossaat/contracts";
import type { KafkaServer } from "@ossaat/testkit";
import { Kafka, Partitioners, logLevel } from "kafkajs";

import { createKafkaQueue } from "../job/adapters/kafka/kafka-queue.ts";
import type { KafkaQueue, KafkaQueueOptions } from "../job/adapters/kafka/kafka-queue.ts";
import { jobsTopic, workersGroup } from "../job/adapters/kafka/topics.ts";
import type { KafkaChildOrder } from "./kafka-child.ts";
import { pool as defaultPool } from "./queue-under-test.ts";
import type { JobQueueUnderTest } from "./queue-under-test.ts";

/** Shorter pauses than in use, and less patience with a broker that is away. */
export const testLimits = {
  retrySoonMs: 250,
  sessionMs: 6_000,
  heartbeatMs: 300,
  fetchWaitMs: 50,
  maxDeliveries: 3,
  retries: 5,
  askMs: 5_000,
} as const;

const child = path.join(import.meta.dirname, "kafka-child.ts");

function startChild(order: KafkaChildOrder): ChildProcess {
  return spawn(process.execPath, [child, JSON.stringify(order)], { stdio: ["ignore", "pipe", "inherit"] });
}

/** A client of its own, for what no part of the product would do. */
export function rawKafka(brokers: readonly string[]): Kafka {
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
}

async function sendRaw(brokers: readonly string[], topic: string, value: Buffer): Promise<void> {
  const producer = rawKafka(brokers).producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ value }] });
  await producer.disconnect();
}

/** Joins a group and leaves it again: every member gives up what it has, and gets its share anew. */
export async function disturbGroup(brokers: readonly string[], groupId: string, topic: string): Promise<void> {
  const intruder = rawKafka(brokers).consumer({ groupId, maxWaitTimeInMs: 50, heartbeatInterval: 300 });
  const { promise: joined, resolve } = Promise.withResolvers<void>();
  intruder.on("consumer.group_join", () => resolve());
  await intruder.connect();
  await intruder.subscribe({ topic });
  await intruder.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: () => Promise.resolve() });
  await joined;
  await intruder.disconnect();
}

export type KafkaUnderTest = JobQueueUnderTest & {
  queue: KafkaQueue;
  options: KafkaQueueOptions & { namespace: string };
  errors: unknown[];
};

/** For another process: brokers and names as JSON. */
export function openQueue(address: string): KafkaQueue {
  const options = JSON.parse(address) as Pick<KafkaQueueOptions, "brokers" | "namespace" | "limits">;
  return createKafkaQueue({ ...options, partitions: 3, rng: Math.random, onError: () => undefined });
}

/** Names of its own on the broker, so that no test sees another's messages. */
export function openKafkaQueue(server: KafkaServer, changes: Partial<KafkaQueueOptions> = {}): KafkaUnderTest {
  const errors: unknown[] = [];
  const brokers = [server.address];
  const namespace = `t-${randomUUID()}`;
  const options = {
    brokers,
    namespace,
    partitions: 3,
    rng: Math.random,
    onError: (error: unknown) => void errors.push(error),
    limits: testLimits,
    ...changes,
  };
  return {
    queue: createKafkaQueue(options),
    options,
    errors,
    passRetryPause: () => sleep(testLimits.retrySoonMs + 100),
    inject: (pool, bytes) => sendRaw(brokers, jobsTopic(namespace, pool), bytes),
    stall() {
      server.freeze();
      return Promise.resolve(() => Promise.resolve(server.thaw()));
    },
    async consumeAndDie(pool, count) {
      const held: string[] = [];
      const taking = startChild({ brokers, namespace, limits: testLimits, take: { pool, slots: count } });
      const lines = createInterface({ input: taking.stdout as NodeJS.ReadableStream });
      for await (const line of lines) if (held.push(line) >= count) break;
      const ended = once(taking, "exit");
      taking.kill("SIGKILL");
      await ended;
      return held;
    },
    async publishAndDie(envelopes: readonly JobEnvelope[]) {
      const sending = startChild({ brokers, namespace, limits: testLimits, send: [...envelopes] });
      const [code, signal] = (await once(sending, "exit")) as [number | null, NodeJS.Signals | null];
      if (signal !== "SIGKILL") throw new Error(`the process that sends was not killed; it ended with ${code}`);
    },
    cutConnection: () => disturbGroup(brokers, workersGroup(namespace, defaultPool), jobsTopic(namespace, defaultPool)),
    remove: () => Promise.resolve(),
  };
}
