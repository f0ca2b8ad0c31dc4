// Dead letters on Kafka: a compacted topic of one partition, keyed by the record it was. A
// letter that has ended is a record without a value.
import { createHash } from "node:crypto";

import type { IHeaders, KafkaMessage } from "kafkajs";

import type { DeadLetters, LetterChoice, LetterList, LetterQuery } from "../../job-queue.ts";
import { headOf } from "../../letter-head.ts";
import type { LetterHead } from "../../letter-head.ts";
import { jobEngineLimits } from "../../limits.ts";
import type { KafkaLimits } from "./limits.ts";
import type { JobRecord } from "./pool-pump.ts";
import { partsOf } from "./publisher.ts";
import type { Publisher } from "./publisher.ts";
import { readTopic } from "./read-topic.ts";
import type { ReadDeps, Reading } from "./read-topic.ts";
import { deadLetterTopic, jobsTopic } from "./topics.ts";

export type DeadLetterDeps = ReadDeps & { publisher: Publisher };

/** Where a letter stands in the topic, and what it says; its body stays at the broker. */
type Place = { offset: number; head: LetterHead; bytes: number };

/** The key of the record in its topic; a letter has its own. */
const keyHeader = "record-key";
const reasonHeader = "reason";

/** NOTE: the place alone is another record's too, once the topic was deleted and made again. */
function letterId({ partition, offset, timestamp, value }: JobRecord): string {
  const hash = createHash("sha256")
    .update(`${timestamp} `)
    .update(value ?? "");
  return `${partition}-${offset}-${hash.digest("hex").slice(0, 12)}`;
}

/** Keeps a record apart. Twice is once: its place, time and content name it. */
export async function buryRecord(
  { publisher, namespace }: DeadLetterDeps,
  pool: string,
  { record, reason }: { record: JobRecord; reason: string },
): Promise<void> {
  const headers = { [reasonHeader]: reason, [keyHeader]: record.key ?? "" };
  const value = record.value ?? Buffer.alloc(0);
  await publisher.send(deadLetterTopic(namespace, pool), [{ key: letterId(record), value, headers }]);
}

const textOf = (headers: IHeaders | undefined, name: string) => String(headers?.[name] ?? "");

/** Letters by their ids, oldest first, and where those begin for which there is no room. */
type Places = { known: Map<string, Place>; cutAt: number | undefined };

const noPlaces = (): Places => ({ known: new Map(), cutAt: undefined });

/**
 * Notes which letters there are, and at the end of the topic asks what is to be read then. NOTE: ends that come
 * behind letters without room make room for these.
 */
function placesReading(places: Places, { deadLetters }: KafkaLimits, next: Reading["next"]): Reading {
  const { known } = places;
  const reading: Reading = {
    take({ key, value, headers, offset, timestamp }) {
      const id = String(key);
      if (value === null) return void known.delete(id);
      if (known.size >= deadLetters && !known.has(id)) return void (places.cutAt ??= Number(offset));
      const letter = { id, reason: textOf(headers, reasonHeader), diedAt: Number(timestamp) };
      const head = headOf({ ...letter, message: value.toString() });
      known.set(id, { offset: Number(offset), head, bytes: value.length });
    },
    next() {
      const { cutAt: from } = places;
      if (from === undefined || known.size >= deadLetters) return next?.();
      places.cutAt = undefined;
      return { from, reading };
    },
  };
  return reading;
}

const isOf = (tenantId: string | undefined, head: LetterHead) => tenantId === undefined || head.tenantId === tenantId;

/** Offsets of the first of these letters that are not too large together; one always fits. */
function fitting(places: Iterable<Place>, { limit, listedBytes }: { limit: number; listedBytes: number }) {
  const offsets = new Set<number>();
  let room = listedBytes;
  for (const { offset, bytes } of places) {
    if (offsets.size >= limit || (bytes > room && offsets.size > 0)) return { offsets, isCut: true };
    offsets.add(offset);
    room -= bytes;
  }
  return { offsets, isCut: false };
}

/** Reads the records at these offsets. */
function readBodies(offsets: Set<number>, take: (message: KafkaMessage & { value: Buffer }) => void) {
  if (offsets.size === 0) return undefined;
  const reading: Reading = {
    take(message) {
      const { value } = message;
      if (value !== null && offsets.delete(Number(message.offset))) take({ ...message, value });
    },
  };
  return { from: Math.min(...offsets), reading };
}

type ListWords = LetterQuery & { limit: number };

/** NOTE: which letters are still there is known only at the end of the topic; so bodies are read the second time. */
async function listLetters(deps: DeadLetterDeps, pool: string, { limit, tenantId, withinMs, isWanted }: ListWords) {
  const places = noPlaces();
  const list: LetterList = { letters: [], isCut: false };
  const isMeant = ({ head }: Place) => isOf(tenantId, head) && (isWanted === undefined || isWanted(head));
  const reading = placesReading(places, deps.limits, () => {
    const { listedBytes } = deps.limits;
    const { offsets, isCut } = fitting([...places.known.values()].filter(isMeant), { limit, listedBytes });
    list.isCut = isCut || places.cutAt !== undefined;
    return readBodies(offsets, ({ key, value, headers, timestamp }) => {
      const letter = { id: String(key), reason: textOf(headers, reasonHeader), diedAt: Number(timestamp) };
      list.letters.push({ ...letter, message: value.toString("utf8") });
    });
  });
  await readTopic(deps, { topic: deadLetterTopic(deps.namespace, pool), reading, withinMs });
  return list;
}

type Letter = { id: string; key: string; value: Buffer };
type Ending = LetterChoice & { how: "requeue" | "drop" };

/** Letters that shall end; of those that are given back, the first whose bodies are not too large together. */
async function takeLetters(deps: DeadLetterDeps, pool: string, ending: Ending): Promise<Letter[]> {
  const { tenantId, withinMs, choose, how } = ending;
  const places = noPlaces();
  const { known } = places;
  const letters: Letter[] = [];
  let isChosen = false;
  const choosePlaces = () => {
    isChosen = true;
    const heads = [...known.values()].map(({ head }) => head).filter((head) => isOf(tenantId, head));
    return [...new Set(choose(heads, places.cutAt === undefined))].flatMap((id) => known.get(id) ?? []);
  };
  const reading = placesReading(places, deps.limits, () => {
    const chosen = choosePlaces();
    if (how === "drop") {
      letters.push(...chosen.map(({ head: { id } }) => ({ id, key: "", value: Buffer.alloc(0) })));
      return undefined;
    }
    const { offsets } = fitting(chosen, { limit: chosen.length, listedBytes: deps.limits.listedBytes });
    return readBodies(offsets, ({ key, value, headers }) => {
      letters.push({ id: String(key), key: textOf(headers, keyHeader), value });
    });
  });
  await readTopic(deps, { topic: deadLetterTopic(deps.namespace, pool), reading, withinMs });
  if (!isChosen) choosePlaces();
  return letters;
}

/** Letters that end together: few, and not too large for one request. */
function portionsOf(letters: readonly Letter[], { sendBytes }: KafkaLimits): Letter[][] {
  const { lettersAtOnce } = jobEngineLimits;
  return partsOf(letters, sendBytes).flatMap((part) =>
    Array.from({ length: Math.ceil(part.length / lettersAtOnce) }, (_, n) =>
      part.slice(n * lettersAtOnce, (n + 1) * lettersAtOnce),
    ),
  );
}

async function endLetters(deps: DeadLetterDeps, pool: string, ending: Ending): Promise<string[]> {
  const { publisher, namespace, limits } = deps;
  const ended: string[] = [];
  for (const portion of portionsOf(await takeLetters(deps, pool, ending), limits)) {
    // First what is given back: what ends the letters must not be there without it.
    if (ending.how === "requeue") {
      const records = portion.map(({ key, value }) => ({ key, value }));
      await publisher.send(jobsTopic(namespace, pool), records);
    }
    const ids = portion.map(({ id }) => id);
    await publisher.send(
      deadLetterTopic(namespace, pool),
      ids.map((id) => ({ key: id, value: null })),
    );
    ended.push(...ids);
    if ((await ending.goOn?.(ids)) === false) break;
  }
  return ended;
}

async function countByOwner(deps: DeadLetterDeps, pool: string): Promise<Map<string, number>> {
  const places = noPlaces();
  const reading = placesReading(places, deps.limits, undefined);
  await readTopic(deps, { topic: deadLetterTopic(deps.namespace, pool), reading });
  const counts = new Map<string, number>();
  for (const { head } of places.known.values()) counts.set(head.tenantId, (counts.get(head.tenantId) ?? 0) + 1);
  return counts;
}

const sum = (counts: ReadonlyMap<string, number>) => [...counts.values()].reduce((all, one) => all + one, 0);

/** The topic is read again only when something was added to it: an end of a letter is a record too. */
function createCount(deps: DeadLetterDeps): DeadLetters["count"] {
  const known = new Map<string, { high: number; counts: Map<string, number> }>();
  return async (pool, tenantId) => {
    const [ends] = await deps.topics.lag(deadLetterTopic(deps.namespace, pool), `${deps.namespace}.reader`);
    const high = ends?.high ?? 0;
    let found = known.get(pool);
    if (found?.high !== high) {
      found = { high, counts: await countByOwner(deps, pool) };
      known.set(pool, found);
    }
    return tenantId === undefined ? sum(found.counts) : (found.counts.get(tenantId) ?? 0);
  };
}

export function createDeadLetters(deps: DeadLetterDeps): DeadLetters {
  return {
    count: createCount(deps),
    list: (pool, limit, query) => listLetters(deps, pool, { limit, ...query }),
    end: (pool, choice, how) => endLetters(deps, pool, { ...choice, how }),
  };
}
