// What the queue says of itself: the one source of such figures, for the person who asks and for metrics.
import { AgentError } from "@ossaat/contracts";
import type { QueueHealth } from "@ossaat/contracts";

import type { JobQueue } from "./job-queue.ts";

export type QueueDepth = {
  pool: string;
  /** Messages that wait; null = the broker could not be asked. */
  depth: number | null;
};

export type QueueAnswer = { health: QueueHealth; pools: QueueDepth[] };

/** Null for what the broker could not be asked. */
export async function ifThere<T>(asking: Promise<T>): Promise<T | null> {
  try {
    return await asking;
  } catch (error) {
    if (error instanceof AgentError && error.code === "unavailable") return null;
    throw error;
  }
}

/** How the queue is; it asks for no figures. */
export async function askHealth(queue: JobQueue): Promise<QueueHealth> {
  const { ok, blocked = false, ...words } = await queue.health();
  return { ok, blocked, ...words };
}

/** A broker that is away is an answer, not an error; it is then asked nothing more. */
export async function askQueue(queue: JobQueue, pools: readonly string[]): Promise<QueueAnswer> {
  const health = await askHealth(queue);
  const depths = pools.map(async (pool) => ({ pool, depth: health.ok ? await ifThere(queue.depth(pool)) : null }));
  return { health, pools: await Promise.all(depths) };
}
