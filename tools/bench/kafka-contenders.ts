// Three ways to send messages through Kafka and take them off again with the same guarantees: every
// copy waited for, marks committed every hundred records, nothing committed that was not handled.
import { randomUUID } from "node:crypto";

import { Consumer, Producer } from "@platformatic/kafka";
import { Kafka, Partitioners, logLevel } from "kafkajs";

import type { JobEnvelope } from "../../packages/contracts/src/index.ts";
import { createKafkaQueue } from "../../services/orchestrator/src/job/adapters/kafka/kafka-queue.ts";

export type Contender = {
  /** Sends all, in batches, and resolves when all were handled. */
  pass(batches: readonly (readonly JobEnvelope[])[]): Promise<void>;
  close(): Promise<void>;
};

const pool = "default";
const slots = 16;
/** Records after which marks are committed, as the adapter does. */
const commitRecords = 100;
const fetchWaitMs = 250;

const keyed = (envelope: JobEnvelope) => ({ key: envelope.planId, value: JSON.stringify(envelope) });
const countOf = (batches: readonly (readonly unknown[])[]) => batches.reduce((sum, { length }) => sum + length, 0);

/** Counts what was handled and tells when it is enough. */
class Tally {
  #left = 0;
  #done = Promise.withResolvers<void>();

  expect(count: number): Promise<void> {
    this.#left = count;
    this.#done = Promise.withResolvers<void>();
    return this.#done.promise;
  }

  add(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#done.resolve();
  }
}

const noError = (error: unknown) => {
  throw error;
};

async function makeTopic(address: string, topic: string): Promise<void> {
  const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 3 }] });
  await admin.disconnect();
}

export async function openAdapter(address: string): Promise<Contender> {
  const tally = new Tally();
  const queue = createKafkaQueue({
    brokers: [address],
    namespace: `b-${randomUUID()}`,
    partitions: 3,
    rng: Math.random,
    onError: noError,
  });
  await queue.ensureTopology([pool]);
  queue.subscribe(pool, slots, async (delivery) => {
    await delivery.settle("done");
    tally.add();
  });
  return {
    async pass(batches) {
      const all = tally.expect(countOf(batches));
      for (const batch of batches) {
        const results = await queue.publish(batch);
        if (!results.every(({ accepted }) => accepted)) throw new Error("a message was not accepted");
      }
      await all;
    },
    close: () => queue.close({ drainMs: 5_000 }),
  };
}

export async function openKafkajs(address: string): Promise<Contender> {
  const topic = `b-${randomUUID()}`;
  await makeTopic(address, topic);
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: fetchWaitMs });
  const tally = new Tally();
  await producer.connect();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    async eachBatch(payload) {
      const { batch } = payload;
      const { partition } = batch;
      for (const [index, { offset, value }] of batch.messages.entries()) {
        JSON.parse(value?.toString() ?? "");
        payload.resolveOffset(offset);
        tally.add();
        if ((index + 1) % commitRecords !== 0 && index + 1 < batch.messages.length) continue;
        await payload.commitOffsetsIfNecessary({
          topics: [{ topic, partitions: [{ partition, offset: String(Number(offset) + 1) }] }],
        });
      }
    },
  });
  return {
    async pass(batches) {
      const all = tally.expect(countOf(batches));
      for (const batch of batches) await producer.send({ topic, acks: -1, messages: batch.map(keyed) });
      await all;
    },
    async close() {
      await consumer.disconnect();
      await producer.disconnect();
    },
  };
}

export async function openPlatformatic(address: string): Promise<Contender> {
  const topic = `b-${randomUUID()}`;
  await makeTopic(address, topic);
  const base = { clientId: "bench", bootstrapBrokers: [address] };
  const producer = new Producer(base);
  const consumer = new Consumer({ ...base, groupId: topic });
  const tally = new Tally();
  const stream = await consumer.consume({
    topics: [topic],
    autocommit: false,
    mode: "committed",
    fallbackMode: "earliest",
    maxWaitTime: fetchWaitMs,
  });
  const failed = Promise.withResolvers<never>();
  stream.on("error", failed.reject);
  const uncommitted = new Map<number, number>();
  stream.on("data", (message) => {
    JSON.parse(message.value.toString());
    tally.add();
    const count = (uncommitted.get(message.partition) ?? 0) + 1;
    uncommitted.set(message.partition, count % commitRecords);
    // A commit stands for all records of its partition before it.
    if (count === commitRecords) Promise.resolve(message.commit()).catch(failed.reject);
  });
  const bytes = ({ key, value }: ReturnType<typeof keyed>) => ({
    topic,
    key: Buffer.from(key),
    value: Buffer.from(value),
  });
  return {
    async pass(batches) {
      const all = tally.expect(countOf(batches));
      const send = async () => {
        for (const batch of batches) {
          await producer.send({ acks: -1, messages: batch.map((envelope) => bytes(keyed(envelope))) });
        }
        await all;
      };
      await Promise.race([send(), failed.promise]);
    },
    async close() {
      await stream.close();
      await consumer.close();
      await producer.close();
    },
  };
}
