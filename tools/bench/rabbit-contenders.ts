// Two ways to send messages through RabbitMQ and take them off again with the same guarantees: quorum
// queues, every message confirmed and routed, two connections, each delivery acknowledged by itself.
import { randomUUID } from "node:crypto";

import { connect } from "amqplib";

import { systemClock, systemIds } from "../../services/orchestrator/src/clock.ts";
import { createRabbitmqQueue } from "../../services/orchestrator/src/job/adapters/rabbitmq/rabbitmq.ts";
import type { JobQueue } from "../../services/orchestrator/src/job/job-queue.ts";
import { Tally, benchSlots, contend, countOf } from "./queue-contest.ts";
import type { Contender } from "./queue-contest.ts";

const noError = (error: unknown) => {
  throw error;
};

function openQueue(url: string): JobQueue {
  const prefix = `b-${randomUUID()}`;
  return createRabbitmqQueue({ url, prefix, rng: Math.random, ids: systemIds, clock: systemClock, onError: noError });
}

export function openAdapter(url: string): Promise<Contender> {
  return contend(openQueue(url));
}

/** A queue with nothing but the client around it. */
export async function openRaw(url: string, handle: (content: Buffer) => void) {
  const queue = `b-${randomUUID()}`;
  const publishing = await connect(url, { noDelay: true });
  const consuming = await connect(url, { noDelay: true });
  const channel = await publishing.createConfirmChannel();
  await channel.assertQueue(queue, { durable: true, arguments: { "x-queue-type": "quorum" } });
  channel.on("return", () => noError(new Error("a message was not routed")));
  const taking = await consuming.createChannel();
  await taking.prefetch(benchSlots);
  await taking.consume(queue, (message) => {
    if (message === null) return;
    handle(message.content);
    taking.ack(message);
  });
  return {
    send: (message: object) =>
      channel.publish("", queue, Buffer.from(JSON.stringify(message)), { persistent: true, mandatory: true }),
    confirmed: () => channel.waitForConfirms(),
    async close() {
      await publishing.close();
      await consuming.close();
    },
  };
}

export async function openAmqplib(url: string): Promise<Contender> {
  const tally = new Tally();
  const raw = await openRaw(url, (content) => {
    JSON.parse(content.toString());
    tally.add();
  });
  return {
    async pass(batches) {
      const all = tally.expect(countOf(batches));
      for (const batch of batches) {
        for (const envelope of batch) raw.send(envelope);
        await raw.confirmed();
      }
      await all;
    },
    close: () => raw.close(),
  };
}
