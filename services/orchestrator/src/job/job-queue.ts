// PORT: the queue. Messages are hints that may be lost, repeated or reordered without harm;
// at-least-once, unordered, no delay and no priority promise. Everything stronger is forbidden
// to callers: the database decides.
import type { JobEnvelope } from "@ossaat/contracts";

/** `retry_soon` only when the store is out of reach; `reject` only for what cannot be decoded. */
export type Settlement = "done" | "retry_soon" | "reject";

export type Delivery = {
  envelope: JobEnvelope;
  /** Idempotent; a no-op after the subscription ended. */
  settle(result: Settlement): Promise<void>;
};

export type Subscription = {
  pause(): void;
  resume(): void;
  close(): Promise<void>;
};

export type JobQueue = {
  /** Resolves after durable accept; one result per item. */
  publish(envelopes: readonly JobEnvelope[]): Promise<{ accepted: boolean }[]>;
  subscribe(pool: string, slots: number, handler: (delivery: Delivery) => Promise<void>): Subscription;
  /** Messages waiting in a pool. */
  depth(pool: string): Promise<number>;
  health(): Promise<{ ok: boolean; detail: string }>;
  ensureTopology(pools: readonly string[]): Promise<void>;
  close(options: { drainMs: number }): Promise<void>;
};
