// PORT: the queue. Messages are hints that may be lost, repeated or reordered without harm;
// at-least-once, unordered, no delay and no priority promise. Everything stronger is forbidden
// to callers: the database decides.
import type { JobEnvelope } from "@ossaat/contracts";

/** `retry_soon` only when the store is out of reach; `reject` only for what cannot be decoded. */
export type Settlement = "done" | "retry_soon" | "reject";

export type Delivery = {
  envelope: JobEnvelope;
  /** Idempotent: the first settlement counts. Harmless after the subscription ended. */
  settle(result: Settlement): Promise<void>;
};

export type Subscription = {
  pause(): void;
  resume(): void;
  /** Takes no more; resolves when the handlers that run have returned. What waits stays queued. */
  close(): Promise<void>;
};

export type JobQueue = {
  /** Resolves after durable accept; one result per item, `false` for what is over 64 KiB. */
  publish(envelopes: readonly JobEnvelope[]): Promise<{ accepted: boolean }[]>;
  /**
   * Runs at most `slots` handlers at once. A handler that throws counts as `retry_soon`.
   */
  subscribe(pool: string, slots: number, handler: (delivery: Delivery) => Promise<void>): Subscription;
  /** Messages waiting in a pool. */
  depth(pool: string): Promise<number>;
  health(): Promise<{ ok: boolean; detail: string }>;
  ensureTopology(pools: readonly string[]): Promise<void>;
  close(options: { drainMs: number }): Promise<void>;
};
