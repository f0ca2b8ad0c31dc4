// Dead letters: a queue beside the jobs of each pool.
import { createHash } from "node:crypto";

import { AgentError } from "@ossaat/contracts";
import type { ConsumeMessage, Options } from "amqplib";

import type { DeadLetter, DeadLetters } from "../../job-queue.ts";
import { ownerOf } from "../../letter-owner.ts";
import { answerWithin, deadQueue, jobsQueue, unreachable } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { LetterLooks } from "./letter-looks.ts";
import type { LookDeps } from "./letter-looks.ts";
import { rabbitmqLimits } from "./limits.ts";
import type { Publisher } from "./publisher.ts";

const idHeader = "x-ossaat-dead-letter";
const reasonHeader = "x-ossaat-reason";

function textHeader(message: ConsumeMessage, name: string): string | undefined {
  const value: unknown = message.properties.headers?.[name];
  return typeof value === "string" ? value : undefined;
}

function idOf(message: ConsumeMessage): string {
  const own = textHeader(message, idHeader);
  if (own !== undefined) return own;
  const { messageId } = message.properties as { messageId?: unknown };
  return typeof messageId === "string" ? messageId : createHash("sha256").update(message.content).digest("hex");
}

/** The broker's own word, when it was the broker that gave a message up. */
function brokerReason(message: ConsumeMessage): string {
  const reason = textHeader(message, "x-first-death-reason") ?? "unknown";
  return reason === "delivery_limit"
    ? "delivered as often as its queue allows and never settled"
    : `the broker: ${reason}`;
}

const reasonOf = (message: ConsumeMessage) => textHeader(message, reasonHeader) ?? brokerReason(message);

/** amqplib gives these no types. */
type MessageWords = { messageId?: string; type?: string; contentType?: string };

/** A message as a letter, with the words that it came with. */
function letterWords({ properties }: ConsumeMessage, id: string, reason: string): Options.Publish {
  const { messageId, type, contentType } = properties as MessageWords;
  return {
    ...(messageId === undefined ? {} : { messageId }),
    ...(type === undefined ? {} : { type }),
    ...(contentType === undefined ? {} : { contentType }),
    headers: { [idHeader]: id, [reasonHeader]: reason },
  };
}

type Sender = { broker: Broker; publisher: Publisher };

/** Puts a message among the dead letters of its pool. */
export async function bury(
  { broker, publisher }: Sender,
  { pool, message, reason }: { pool: string; message: ConsumeMessage; reason: string },
): Promise<boolean> {
  const words = letterWords(message, broker.ids.uuid(), reason);
  const { accepted } = await publisher.send(deadQueue(broker, pool), message.content, words);
  return accepted;
}

async function renew({ broker, publisher }: Sender, pool: string, message: ConsumeMessage): Promise<boolean> {
  const words = letterWords(message, idOf(message), reasonOf(message));
  const { accepted } = await publisher.send(deadQueue(broker, pool), message.content, words);
  return accepted;
}

/** Gives a letter back to its pool. @throws AgentError unavailable */
async function requeue({ broker, publisher }: Sender, pool: string, message: ConsumeMessage): Promise<void> {
  const { messageId } = message.properties as MessageWords;
  const { accepted } = await publisher.send(jobsQueue(broker, pool), message.content, {
    contentType: "application/json",
    ...(messageId === undefined ? {} : { messageId }),
  });
  if (!accepted) throw unreachable(broker);
}

async function listLetters(looks: LetterLooks, pool: string, { limit, tenantId }: ListWords): Promise<DeadLetter[]> {
  return looks.look(pool, async (look) => {
    const letters: DeadLetter[] = [];
    let bytes = 0;
    for await (const page of look.pages()) {
      for (const letter of page) {
        const message = letter.content.toString();
        if (tenantId !== undefined && ownerOf(message) !== tenantId) continue;
        bytes += letter.content.length;
        const isFull = letters.length >= limit || (bytes > rabbitmqLimits.maxListedBytes && letters.length > 0);
        if (isFull) return letters;
        letters.push({ id: idOf(letter), reason: reasonOf(letter), message });
      }
    }
    return letters;
  });
}

type ListWords = { limit: number; tenantId: string | undefined };

function tooMany(pool: string): AgentError {
  return new AgentError("limit_exceeded", `${pool} has more dead letters than are looked through for one.`, {
    details: { next: "`ossaat dlq list` shows the oldest; decide about these first" },
  });
}

/** Letters by tenant, as they were when there were so many. */
type Tally = { total: number; at: number; counts: Map<string, number> };

async function tally(looks: LetterLooks, pool: string): Promise<Tally> {
  return looks.look(pool, async (look) => {
    const counts = new Map<string, number>();
    for await (const page of look.pages()) {
      for (const { content } of page) {
        const owner = ownerOf(content.toString());
        counts.set(owner, (counts.get(owner) ?? 0) + 1);
      }
    }
    return { total: look.total, at: performance.now(), counts };
  });
}

function createCount(looks: LetterLooks): DeadLetters["count"] & { forget(pool: string): void } {
  const known = new Map<string, Tally>();
  const count = async (pool: string, tenantId?: string) => {
    const total = await looks.count(pool);
    if (tenantId === undefined || total === 0) return total;
    let found = known.get(pool);
    if (found?.total !== total || performance.now() - found.at > rabbitmqLimits.tallyMs) {
      found = await tally(looks, pool);
      known.set(pool, found);
    }
    return found.counts.get(tenantId) ?? 0;
  };
  return Object.assign(count, { forget: (pool: string) => void known.delete(pool) });
}

export function createDeadLetters(deps: Sender & Pick<LookDeps, "link" | "topology">): DeadLetters {
  const { broker, link, publisher, topology } = deps;
  const looks = new LetterLooks({
    broker,
    link,
    topology,
    renew: (pool, message) => renew(deps, pool, message),
    canRenew: () => publisher.link.model !== undefined && publisher.link.blocked === undefined,
  });
  const count = createCount(looks);
  return {
    list: (pool, limit, tenantId) => listLetters(looks, pool, { limit, tenantId }),
    count: (pool, tenantId) => answerWithin(broker, rabbitmqLimits.askMs, count(pool, tenantId)),
    end: (pool, id, how) =>
      looks.look(pool, async (look) => {
        let seen = 0;
        for await (const page of look.pages()) {
          seen += page.length;
          const letter = page.find((message) => idOf(message) === id);
          if (letter === undefined) continue;
          if (how === "requeue") await requeue(deps, pool, letter);
          look.end(letter);
          count.forget(pool);
          return true;
        }
        if (seen < look.total) throw tooMany(pool);
        return false;
      }),
  };
}
