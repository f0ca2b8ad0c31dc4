// Dead letters: a queue beside the jobs of each pool. Looking takes them out and puts them back.
import { createHash } from "node:crypto";

import type { Channel, ConsumeMessage, GetMessage } from "amqplib";

import type { DeadLetter, DeadLetters } from "../../job-queue.ts";
import { closeChannel, deadQueue, jobsQueue, unreachable } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { rabbitmqLimits } from "./limits.ts";
import type { Link } from "./link.ts";
import type { Publisher } from "./publisher.ts";

const idHeader = "x-ossaat-dead-letter";
const reasonHeader = "x-ossaat-reason";

function textHeader(message: GetMessage, name: string): string | undefined {
  const value: unknown = message.properties.headers?.[name];
  return typeof value === "string" ? value : undefined;
}

function idOf(message: GetMessage): string {
  const own = textHeader(message, idHeader);
  if (own !== undefined) return own;
  const { messageId } = message.properties as { messageId?: unknown };
  return typeof messageId === "string" ? messageId : createHash("sha256").update(message.content).digest("hex");
}

/** The broker's own word, when it was the broker that gave a message up. */
function brokerReason(message: GetMessage): string {
  const reason = textHeader(message, "x-first-death-reason") ?? "unknown";
  if (reason !== "delivery_limit") return `the broker: ${reason}`;
  return `delivered ${rabbitmqLimits.deliveryLimit} times or more and never settled`;
}

const letterOf = (message: GetMessage): DeadLetter => ({
  id: idOf(message),
  reason: textHeader(message, reasonHeader) ?? brokerReason(message),
  message: message.content.toString(),
});

/** amqplib gives these no types. */
type MessageWords = { messageId?: string; type?: string; contentType?: string };

/** Puts a message among the dead letters of its pool. */
export async function bury(
  { broker, publisher }: { broker: Broker; publisher: Publisher },
  { pool, message, reason }: { pool: string; message: ConsumeMessage; reason: string },
): Promise<boolean> {
  const { messageId, type, contentType } = message.properties as MessageWords;
  const { accepted } = await publisher.send(deadQueue(broker, pool), message.content, {
    ...(messageId === undefined ? {} : { messageId }),
    ...(type === undefined ? {} : { type }),
    ...(contentType === undefined ? {} : { contentType }),
    headers: { [idHeader]: broker.ids.uuid(), [reasonHeader]: reason },
  });
  return accepted;
}

/** @param link looks through it: the one that publishes hears no answers while an alarm blocks it */
export function createDeadLetters(
  broker: Broker,
  { publisher, link }: { publisher: Publisher; link: Link },
): DeadLetters {
  /** Everything taken on the channel and not acknowledged goes back when it closes, however the look ended. */
  const look = async <T>(work: (channel: Channel) => Promise<T>): Promise<T> => {
    const model = await link.ready();
    let channel: Channel | undefined;
    try {
      channel = await model.createChannel();
      channel.on("error", (error) => broker.onError(error));
      return await work(channel);
    } catch (error) {
      throw unreachable(broker, error);
    } finally {
      if (channel !== undefined) await closeChannel(channel);
    }
  };
  const requeue = async (pool: string, { content, properties }: GetMessage) => {
    const { messageId } = properties as { messageId?: string };
    const { accepted } = await publisher.send(jobsQueue(broker, pool), content, {
      contentType: "application/json",
      ...(messageId === undefined ? {} : { messageId }),
    });
    if (!accepted) throw unreachable(broker);
  };
  return {
    list: (pool, limit) =>
      look(async (channel) => {
        const letters: DeadLetter[] = [];
        while (letters.length < limit) {
          const message = await channel.get(deadQueue(broker, pool));
          if (message === false) break;
          letters.push(letterOf(message));
        }
        return letters;
      }),
    count: (pool) => look(async (channel) => (await channel.checkQueue(deadQueue(broker, pool))).messageCount),
    end: (pool, id, how) =>
      look(async (channel) => {
        for (let looked = 0; looked < rabbitmqLimits.maxDeadLetters; looked += 1) {
          const message = await channel.get(deadQueue(broker, pool));
          if (message === false) return false;
          if (idOf(message) !== id) continue;
          if (how === "requeue") await requeue(pool, message);
          channel.ack(message);
          return true;
        }
        return false;
      }),
  };
}
