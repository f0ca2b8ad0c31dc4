// What the queue says of itself: the one source of such figures, for the person who asks and for metrics.
import { AgentError } from "@ossaat/contracts";

import type { JobQueue } from "./job-queue.ts";

export type QueueDepth = {
  pool: string;
  /** Messages that wait; null = the broker could not be asked. */
  depth: number | null;
};

export type QueueAnswer = { health: { ok: boolean; blocked: boolean; detail: string }; pools: QueueDepth[] };

/** Null for what the broker could not be asked. */
export async function ifThere<T>(asking: Promise<T>): Promise<T | null> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof AgentError && error.code === "unavailable") return null;
    throw error;
  }
}

/** A broker that is away is an answer, not an error; it is then asked nothing more. */
export async function askQueue(queue: JobQueue, pools: readonly string[]): Promise<QueueAnswer> {
  const { ok, blocked = false, detail } = await queue.health();
  const depths = pools.map(async (pool) => ({ pool, depth: ok ? await ifThere(queue.depth(pool)) : null }));
  return { health: { ok, blocked, detail }, pools: await Promise.all(depths) };
}
