// The broker that the tests of the queue rely on: what it says of itself must be so.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

import { Kafka, logLevel } from "kafkajs";
import { expect, inject, test } from "vitest";

import { startKafka } from "./start-kafka.ts";

const clientOf = (address: string) =>
  new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 60, maxRetryTime: 500 } });

async function withAdmin<T>(address: string, ask: (admin: ReturnType<Kafka["admin"]>) => Promise<T>): Promise<T> {
  const admin = clientOf(address).admin();
  await admin.connect();
  try {
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}

async function write(address: string, topic: string, value: string): Promise<void> {
  const producer = clientOf(address).producer();
  await producer.connect();
  await producer.send({ topic, acks: -1, messages: [{ value }] });
  await producer.disconnect();
}

test("the broker of the suite is one node on loopback that makes no topic by itself", async () => {
  const address = inject("kafkaAddress");
  const { brokers } = await withAdmin(address, (admin) => admin.describeCluster());
  expect(brokers.map(({ nodeId, host, port }) => [nodeId, `${host}:${port}`])).toEqual([[1, address]]);
  const topic = `missing-${randomUUID()}`;
  await expect(withAdmin(address, (admin) => admin.fetchTopicMetadata({ topics: [topic] }))).rejects.toThrow(
    "does not host this topic-partition",
  );
});

test("a broker keeps through a kill what it accepted, stands still when frozen, and is gone when removed", async () => {
  const server = await startKafka({ settings: { "message.max.bytes": "4096" } });
  const { address } = server;
  try {
    const topic = "kept";
    await withAdmin(address, (admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }] }));
    await expect(write(address, topic, "x".repeat(5_000))).rejects.toThrow("larger than the max");
    await write(address, topic, "before");
    await server.kill();
    await server.start();
    const high = () => withAdmin(address, async (admin) => (await admin.fetchTopicOffsets(topic))[0]?.high);
    expect(await high()).toBe("1");
    server.freeze();
    const pending = write(address, topic, "late");
    expect(await Promise.race([pending.then(() => "written"), sleep(300, "nothing")])).toBe("nothing");
    server.thaw();
    await pending;
    expect(await high()).toBe("2");
  } finally {
    await server.remove();
  }
  const gone = new Kafka({ brokers: [address], logLevel: logLevel.NOTHING, retry: { retries: 0 } }).admin();
  await expect(gone.connect()).rejects.toThrow("ECONNREFUSED");
});
