// PORT: the database, the only truth. Promises: `tx` is atomic and durable when it resolves;
// a thrown error rolls everything back; reads outside see committed rows only. Inside `tx`
// nothing may be awaited but the handle itself, because the embedded store has one writer; and its
// work may run again from the start, because a server may refuse a transaction that met another.
// What a transaction reads and then changes by is locked with `forUpdate()`; lock a plan before its
// steps.
import type { Expression, Kysely, Transaction } from "kysely";

import type { Tables } from "./tables.ts";

export type Tx = Transaction<Tables>;
/** A handle for single reads outside a transaction. */
export type Reader = Kysely<Tables>;

/** Tells other processes on the same data that something changed; some wake-ups may get lost. */
export type Wakes = {
  send(topic: string): void;
  /** Whether others are heard now: false as soon as it is noticed that they are not. */
  isListening(): boolean;
  /** Hears topics of the other processes, not of this one. */
  onWake(listener: (topic: string) => void): void;
};

/** Names that one living process at a time has; they are free when it has ended, however it did. */
export type Names = {
  /**
   * Keeps the name as long as the store is open, and takes it again when the connection was lost.
   * @param onLost told when another process had it by then; this one has it again when that one ends
   * @returns false when another process has it @throws AgentError unavailable
   */
  take(name: string, onLost: () => void): Promise<boolean>;
};

export type Store = {
  /** Whether other processes may work on the same data at the same time. */
  isShared: boolean;
  /** Whether one transaction ends before the next begins, so that what one has counted stays true for it. */
  hasOneWriter: boolean;
  /**
   * The moment that leases, timers and everything else that waits go by, ms: the database's own clock
   * on a server, because the clocks of its users differ; else `now`.
   */
  leaseTime(now: number): number | Expression<number>;
  /** Absent when no other process works on the data. */
  wakes?: Wakes;
  /** Absent when no other process works on the data. */
  names?: Names;
  read: Reader;
  /** @throws AgentError unavailable when the database cannot be reached, is full or is too slow. */
  tx<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Reads what fits together, as of one moment, and holds up nobody who writes on a server. Changes nothing.
   * @throws AgentError unavailable as `tx`
   */
  snapshot<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * The same data as one tenant may see and change it, for what is done at somebody's request. On a
   * server the database itself keeps the rows of others out, whatever a statement says; a file has no
   * roles, so that every statement must name the tenant all the same.
   */
  forTenant(tenantId: string): Store;
  /** Resolves when a trivial statement succeeds. */
  ping(): Promise<void>;
  close(): Promise<void>;
};
