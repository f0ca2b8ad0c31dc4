// RabbitMQ as the suites of the engine need it: names of its own, and what an operator or a bad client does there.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { connect } from "amqplib";
import type { ChannelModel } from "amqplib";

import type { QueueUnderEngine } from "./engine-bench.ts";
import { pool } from "./queue-under-test.ts";
import { testRabbitmqQueue } from "./rabbitmq-queue.ts";

/** For a broker that gives up a consumer after a second, and looks for such ones as often. */
export const impatientRabbitmq = { consumer_timeout: 1_000, channel_tick_interval: 1_000 } as const;

async function ask<T>(url: string, question: (connection: ChannelModel) => Promise<T>): Promise<T> {
  const connection = await connect(url);
  try {
    return await question(connection);
  } finally {
    await connection.close();
  }
}

/** Resolves when the broker has closed a channel on which a message was not acknowledged in time. */
async function outlastAcknowledgement(connection: ChannelModel): Promise<void> {
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue(`slow-${randomUUID()}`, {
    durable: true,
    arguments: { "x-queue-type": "quorum" },
  });
  channel.sendToQueue(queue, Buffer.from("held"));
  await channel.waitForConfirms();
  const closed = once(channel, "error") as Promise<[Error]>;
  await channel.consume(queue, () => undefined);
  const [error] = await closed;
  if (!error.message.includes("timed out")) throw error;
}

export function rabbitmqUnderEngine(url: string): QueueUnderEngine {
  const prefix = `e${randomUUID().slice(0, 8)}`;
  const jobs = `${prefix}.jobs.${pool}`;
  return {
    openQueue: (onError) => testRabbitmqQueue({ url, prefix }, { onError }),
    entry: {
      module: fileURLToPath(new URL("rabbitmq-queue.ts", import.meta.url)),
      address: JSON.stringify({ url, prefix }),
    },
    purge: () => ask(url, async (connection) => void (await (await connection.createChannel()).purgeQueue(jobs))),
    count: () =>
      ask(url, async (connection) => (await (await connection.createChannel()).checkQueue(jobs)).messageCount),
    outlastTimeout: () => ask(url, outlastAcknowledgement),
  };
}
