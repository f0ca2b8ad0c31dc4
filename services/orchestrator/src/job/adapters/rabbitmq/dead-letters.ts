// Dead letters: a queue beside the jobs of each pool.
import { createHash } from "node:crypto";

import type { ConsumeMessage, Options } from "amqplib";

import type { DeadLetter, DeadLetters, LetterChoice, LetterList, LetterQuery } from "../../job-queue.ts";
import { headOf, ownerOf } from "../../letter-head.ts";
import type { LetterHead } from "../../letter-head.ts";
import { jobEngineLimits } from "../../limits.ts";
import { answerWithin, deadQueue, jobsQueue, unreachable } from "./broker.ts";
import type { Broker } from "./broker.ts";
import { LetterLooks } from "./letter-looks.ts";
import type { Look, LookDeps } from "./letter-looks.ts";
import { rabbitmqLimits } from "./limits.ts";
import type { Publisher } from "./publisher.ts";

const idHeader = "x-ossaat-dead-letter";
const reasonHeader = "x-ossaat-reason";
const diedHeader = "x-ossaat-died-at";

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

/** When the broker gave a message up; it tells seconds. */
function brokerTime(message: ConsumeMessage): number | undefined {
  const deaths: unknown = message.properties.headers?.["x-death"];
  const [last] = (Array.isArray(deaths) ? deaths : []) as { time?: { value?: unknown } }[];
  const seconds = last?.time?.value;
  return typeof seconds === "number" ? seconds * 1_000 : undefined;
}

/** Nothing tells it of a letter of an older version, or one that was put there by hand. */
function diedAtOf(message: ConsumeMessage): number | undefined {
  const own: unknown = message.properties.headers?.[diedHeader];
  return typeof own === "number" ? own : brokerTime(message);
}

function letterOf(message: ConsumeMessage): DeadLetter {
  const diedAt = diedAtOf(message);
  return {
    id: idOf(message),
    reason: reasonOf(message),
    ...(diedAt === undefined ? {} : { diedAt }),
    message: message.content.toString(),
  };
}

/** amqplib gives these no types. */
type MessageWords = { messageId?: string; type?: string; contentType?: string };

/** A message as a letter, with the words that it came with. */
function letterWords(
  { properties }: ConsumeMessage,
  { id, reason, diedAt }: Omit<DeadLetter, "message">,
): Options.Publish {
  const { messageId, type, contentType } = properties as MessageWords;
  return {
    ...(messageId === undefined ? {} : { messageId }),
    ...(type === undefined ? {} : { type }),
    ...(contentType === undefined ? {} : { contentType }),
    headers: { [idHeader]: id, [reasonHeader]: reason, ...(diedAt === undefined ? {} : { [diedHeader]: diedAt }) },
  };
}

type Sender = { broker: Broker; publisher: Publisher };

/** Puts a message among the dead letters of its pool. */
export async function bury(
  { broker, publisher }: Sender,
  { pool, message, reason }: { pool: string; message: ConsumeMessage; reason: string },
): Promise<boolean> {
  const words = letterWords(message, { id: broker.ids.uuid(), reason, diedAt: broker.clock.now() });
  const { accepted } = await publisher.send(deadQueue(broker, pool), message.content, words);
  return accepted;
}

async function renew({ broker, publisher }: Sender, pool: string, message: ConsumeMessage): Promise<boolean> {
  const words = letterWords(message, letterOf(message));
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

type ListWords = LetterQuery & { limit: number };

async function listLetters(looks: LetterLooks, pool: string, { limit, tenantId, withinMs, isWanted }: ListWords) {
  const work = async (look: Look): Promise<LetterList> => {
    const letters: DeadLetter[] = [];
    let bytes = 0;
    let seen = 0;
    for await (const page of look.pages()) {
      seen += page.length;
      for (const message of page) {
        const letter = letterOf(message);
        const head = headOf(letter);
        if (tenantId !== undefined && head.tenantId !== tenantId) continue;
        if (isWanted !== undefined && !isWanted(head)) continue;
        bytes += message.content.length;
        const isFull = letters.length >= limit || (bytes > rabbitmqLimits.maxListedBytes && letters.length > 0);
        if (isFull) return { letters, isCut: true };
        letters.push(letter);
      }
    }
    return { letters, isCut: seen < look.total };
  };
  return looks.look(pool, work, { withinMs });
}

type Ending = LetterChoice & { how: "requeue" | "drop" };

/** What the look saw of the letters of a tenant. */
type Seen = { heads: LetterHead[]; found: Map<string, ConsumeMessage>; isAll: boolean };

async function seeLetters(look: Look, tenantId: string | undefined): Promise<Seen> {
  const found = new Map<string, ConsumeMessage>();
  const heads: LetterHead[] = [];
  let seen = 0;
  for await (const page of look.pages()) {
    seen += page.length;
    for (const message of page) {
      const head = headOf(letterOf(message));
      if (tenantId !== undefined && head.tenantId !== tenantId) continue;
      if (!found.has(head.id)) heads.push(head);
      found.set(head.id, message);
    }
  }
  return { heads, found, isAll: seen >= look.total };
}

type Portion = { look: Look; letters: readonly ConsumeMessage[]; how: Ending["how"]; isFirst: boolean };

/** @returns how many ended: those behind one that the broker does not take back stay. @throws AgentError none ever did */
async function endPortion(deps: Sender, pool: string, { look, letters, how, isFirst }: Portion): Promise<number> {
  for (const [index, letter] of letters.entries()) {
    try {
      if (how === "requeue") await requeue(deps, pool, letter);
    } catch (error) {
      if (isFirst && index === 0) throw error;
      return index;
    }
    look.end(letter);
  }
  return letters.length;
}

async function endLetters(deps: Sender & { looks: LetterLooks }, pool: string, ending: Ending): Promise<string[]> {
  const { tenantId, withinMs, choose, goOn, how } = ending;
  const { lettersAtOnce } = jobEngineLimits;
  const work = async (look: Look) => {
    const { heads, found, isAll } = await seeLetters(look, tenantId);
    const chosen = choose(heads, isAll).filter((id) => found.has(id));
    const ended: string[] = [];
    for (let isOver = false; chosen.length > 0 && !isOver;) {
      const ids = chosen.splice(0, lettersAtOnce);
      const letters = ids.flatMap((id) => found.get(id) ?? []);
      const gone = ids.slice(0, await endPortion(deps, pool, { look, letters, how, isFirst: ended.length === 0 }));
      ended.push(...gone);
      isOver = (await goOn?.(gone)) === false || gone.length < ids.length || !look.hasTime();
    }
    return ended;
  };
  return deps.looks.look(pool, work, { withinMs });
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
    list: (pool, limit, query) => listLetters(looks, pool, { limit, ...query }),
    count: (pool, tenantId) => answerWithin(broker, rabbitmqLimits.askMs, count(pool, tenantId)),
    async end(pool, choice, how) {
      const ended = await endLetters({ broker, publisher, looks }, pool, { ...choice, how });
      if (ended.length > 0) count.forget(pool);
      return ended;
    },
  };
}
