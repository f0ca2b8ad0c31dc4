// PORT: the queue. Messages are hints that may be lost, repeated or reordered without harm;
// at-least-once, unordered, no delay and no priority promise. Everything stronger is forbidden
// to callers: the database decides.
import type { JobEnvelope } from "@ossaat/contracts";

import type { LetterHead } from "./letter-head.ts";

/**
 * `retry_soon` only when the store is out of reach or the receiver is full: it comes again after a
 * pause, here or elsewhere. `reject` only for what can never be handled: it becomes a dead letter.
 */
export type Settlement = "done" | "retry_soon" | "reject";

export type Delivery = {
  envelope: JobEnvelope;
  /**
   * Idempotent: the first settlement counts. Harmless after the subscription ended and after the
   * connection that brought the message was lost; then the message comes again.
   * @param reason why it is rejected, for the person who reads dead letters
   */
  settle(result: Settlement, reason?: string): Promise<void>;
};

export type Subscription = {
  /** Takes nothing new. A message that is not begun goes back to the queue. */
  pause(): void;
  /** Takes again, at most `slots` at once; absent = as many as it was subscribed with. */
  resume(slots?: number): void;
  /** Takes no more; resolves when the handlers that run have returned. What waits stays queued. */
  close(): Promise<void>;
};

/**
 * Why a message was not accepted. `too_large`: never sent. `unroutable`: there is no such pool.
 * `refused`: the broker said no. `blocked`: the broker takes nothing now; ask again later.
 * `unavailable`: no answer, so that it may have been accepted after all.
 */
export type RefusalReason = "too_large" | "unroutable" | "refused" | "blocked" | "unavailable";

export type PublishResult = { accepted: true } | { accepted: false; reason: RefusalReason };

/** A message that nobody will handle unless a person gives it back. */
export type DeadLetter = {
  id: string;
  reason: string;
  /** ms since the epoch, by the clock of whoever gave it up; absent where nothing tells. */
  diedAt?: number;
  /** The message as it was found; bytes that are no UTF-8 are replaced. */
  message: string;
};

type LetterLook = {
  /** Absent = of every tenant. */
  tenantId?: string | undefined;
  /** Time the look may take, ms: then it ends with what it saw, or an error. Absent = as each queue has it. */
  withinMs?: number | undefined;
};

/** Absent = all of them. */
export type LetterQuery = LetterLook & { isWanted?: (head: LetterHead) => boolean };

/** `isCut`: there are more that were wanted, or more than one look goes through. */
export type LetterList = { letters: DeadLetter[]; isCut: boolean };

export type LetterChoice = LetterLook & {
  /**
   * Called once with what the letters say, oldest first, and whether these are all; answers with the ids of
   * those that shall end. What it throws is thrown on, and no letter ends.
   */
  choose: (heads: readonly LetterHead[], isAll: boolean) => readonly string[];
  /**
   * Told the ids of those that have ended, `lettersAtOnce` or fewer, before any other ends; answers whether others
   * shall. Absent = all that were chosen.
   */
  goOn?: (ended: readonly string[]) => Promise<boolean>;
};

/** Each is one look. @throws AgentError unavailable from each, when the broker cannot be reached */
export type DeadLetters = {
  /** The oldest first; fewer than `limit` when they are very large. Looking takes nothing away. */
  list(pool: string, limit: number, query?: LetterQuery): Promise<LetterList>;
  /** How many there are, of all or of one tenant; cheap enough to be asked every few seconds. */
  count(pool: string, tenantId?: string): Promise<number>;
  /**
   * `requeue` gives letters back to their pool, `drop` forgets them.
   * @returns ids of those that ended: fewer than were chosen when somebody else was there first, when they are
   * very large, when it was told to stop, or when the broker stopped answering after some of them
   */
  end(pool: string, choice: LetterChoice, how: "requeue" | "drop"): Promise<string[]>;
};

export type JobQueue = {
  /** Resolves after durable accept; one result per message, in their order. Does not throw for an outage. */
  publish(envelopes: readonly JobEnvelope[]): Promise<PublishResult[]>;
  /**
   * Runs at most `slots` handlers at once. A handler that throws counts as `retry_soon`.
   */
  subscribe(pool: string, slots: number, handler: (delivery: Delivery) => Promise<void>): Subscription;
  /** Messages waiting in a pool, many as at least so many; those in a handler may count or not. @throws AgentError unavailable */
  depth(pool: string): Promise<number>;
  /**
   * How many workers take messages of a pool now, as the broker tells; one that is full may take none until it
   * has room. Absent where there is no broker to tell. @throws AgentError unavailable
   */
  workers?: (pool: string) => Promise<number>;
  /** `blocked`: it answers, and accepts no message for now. `next`: what a person must do before it is well. */
  health(): Promise<{ ok: boolean; blocked?: boolean; detail: string; next?: string }>;
  /**
   * Makes what the pools need; again after each connection.
   * @throws AgentError unavailable; conflict, forbidden for what a person must mend
   */
  ensureTopology(pools: readonly string[]): Promise<void>;
  deadLetters: DeadLetters;
  close(options: { drainMs: number }): Promise<void>;
};
