// Kafka as the suites of the engine need it: names of its own, and what an operator or a bad client does there.
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";

import type { Admin } from "kafkajs";

import { jobsTopic, workersGroup } from "../job/adapters/kafka/topics.ts";
import type { QueueUnderEngine } from "./engine-bench.ts";
import { openQueue, rawKafka, testLimits } from "./kafka-under-test.ts";
import { pool } from "./queue-under-test.ts";
import { waitUntil } from "./wait-until.ts";

/** The least that a broker of tests takes, ms: a worker that was killed is out of its group soon. */
const sessionMs = 1_500;
const maxWaitMs = 60_000;

async function ask<T>(brokers: readonly string[], question: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = rawKafka(brokers).admin();
  await admin.connect();
  try {
    return await question(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Resolves when the broker has put a member out of its group whose handler takes longer than its session. */
async function outlastSession(brokers: readonly string[]): Promise<void> {
  const name = `slow-${randomUUID()}`;
  const kafka = rawKafka(brokers);
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  const { promise: taken, resolve: take } = Promise.withResolvers<void>();
  await ask(brokers, (admin) =>
    admin.createTopics({ topics: [{ topic: name, numPartitions: 1 }], waitForLeaders: true }),
  );
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: name, messages: [{ value: "held" }] });
  await producer.disconnect();
  const slow = kafka.consumer({
    groupId: name,
    sessionTimeout: sessionMs,
    heartbeatInterval: 300,
    maxWaitTimeInMs: 50,
  });
  await slow.connect();
  await slow.subscribe({ topic: name, fromBeginning: true });
  await slow.run({
    autoCommit: false,
    eachMessage: async () => {
      take();
      await over;
    },
  });
  await taken;
  const members = async () => (await ask(brokers, (admin) => admin.describeGroups([name]))).groups[0]?.members.length;
  await waitUntil("the broker gave the slow one up", async () => (await members()) === 0, maxWaitMs);
  end();
  await slow.disconnect();
}

export function kafkaUnderEngine(brokers: readonly string[]): QueueUnderEngine {
  const namespace = `e-${randomUUID()}`;
  const [topic, groupId] = [jobsTopic(namespace, pool), workersGroup(namespace, pool)];
  const address = JSON.stringify({ brokers, namespace, limits: { ...testLimits, sessionMs } });
  return {
    openQueue: () => openQueue(address),
    entry: { module: fileURLToPath(new URL("kafka-under-test.ts", import.meta.url)), address },
    purge: () =>
      ask(brokers, async (admin) => {
        const offsets = await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({
          topic,
          partitions: offsets.map(({ partition, high }) => ({ partition, offset: high })),
        });
      }),
    count: () =>
      ask(brokers, async (admin) => {
        const high = await admin.fetchTopicOffsets(topic);
        const [group] = await admin.fetchOffsets({ groupId, topics: [topic] });
        const committed = new Map(
          group?.partitions.map(({ partition, offset }) => [partition, Math.max(0, Number(offset))]),
        );
        return high.reduce((sum, one) => sum + Number(one.high) - (committed.get(one.partition) ?? 0), 0);
      }),
    outlastTimeout: () => outlastSession(brokers),
  };
}
