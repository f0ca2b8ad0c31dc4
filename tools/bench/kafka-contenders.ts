// Three ways to send messages through Kafka and take them off again with the same guarantees: every
// copy waited for, marks committed every hundred records, nothing committed that was not handled.
import { randomUUID } from "node:crypto";

import { Consumer, Producer } from "@platformatic/kafka";
import { Kafka, Partitioners, logLevel } from "kafkajs";

import type { JobEnvelope } from "../../packages/contracts/src/index.ts";
import { createKafkaQueue } from "../../services/orchestrator/src/job/adapters/kafka/kafka-queue.ts";
import { Tally, contend, countOf } from "./queue-contest.ts";
import type { Contender } from "./queue-contest.ts";

/** Records after which marks are committed, as the adapter does. */
const commitRecords = 100;
const fetchWaitMs = 250;

const keyed = (envelope: JobEnvelope) => ({ key: envelope.planId, value: JSON.stringify(envelope) });
const noError = (error: unknown) => {
  throw error;
};

/** Partitions of the topics by which throughput is compared. */
const contestPartitions = 3;

async function makeTopic(address: string, topic: string, numPartitions: number): Promise<void> {
  const admin = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions }] });
  await admin.disconnect();
}

export function openAdapter(address: string): Promise<Contender> {
  return contend(
    createKafkaQueue({
      brokers: [address],
      namespace: `b-${randomUUID()}`,
      partitions: contestPartitions,
      rng: Math.random,
      onError: noError,
    }),
  );
}

export type RawOptions = { handle: (value: Buffer | null) => void; partitions?: number };

/** A topic with nothing but the client around it. */
export async function openRawKafka(address: string, { handle, partitions = contestPartitions }: RawOptions) {
  const topic = `b-${randomUUID()}`;
  await makeTopic(address, topic, partitions);
  const kafka = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: fetchWaitMs });
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
        handle(value);
        payload.resolveOffset(offset);
        if ((index + 1) % commitRecords !== 0 && index + 1 < batch.messages.length) continue;
        await payload.commitOffsetsIfNecessary({
          topics: [{ topic, partitions: [{ partition, offset: String(Number(offset) + 1) }] }],
        });
      }
    },
  });
  return {
    send: (...messages: { planId: string }[]) =>
      producer.send({
        topic,
        acks: -1,
        messages: messages.map((message) => ({ key: message.planId, value: JSON.stringify(message) })),
      }),
    async close() {
      await consumer.disconnect();
      await producer.disconnect();
    },
  };
}

export async function openKafkajs(address: string): Promise<Contender> {
  const tally = new Tally();
  const raw = await openRawKafka(address, {
    handle: (value) => {
      JSON.parse(value?.toString() ?? "");
      tally.add();
    },
  });
  return {
    async pass(batches) {
      const all = tally.expect(countOf(batches));
      for (const batch of batches) await raw.send(...batch);
      await all;
    },
    close: () => raw.close(),
  };
}

export async function openPlatformatic(address: string): Promise<Contender> {
  const topic = `b-${randomUUID()}`;
  await makeTopic(address, topic, contestPartitions);
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
