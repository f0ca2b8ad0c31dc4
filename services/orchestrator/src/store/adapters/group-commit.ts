// Commits transactions that wait for the one writer together: each still is all or nothing and is
// answered only when it is on the disk, but the disk is waited for once for all of them.
import type { Kysely } from "kysely";

import type { Tx } from "../store.ts";
import type { Tables } from "../tables.ts";

export const groupCommitLimits = {
  /** Transactions of one commit: the first of them waits for the last. */
  maxTransactions: 64,
  /** Time after which no further transaction joins, ms. */
  maxMs: 10,
} as const;

/** The database below Kysely, which holds it for the time of a transaction. */
export type RawDatabase = {
  execute(sql: string): void;
  /** False after the database rolled back by itself, as on a full disk. */
  isInTransaction(): boolean;
};

type Waiting = {
  work(tx: Tx): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
};

type Outcome = { one: Waiting } & ({ ok: true; value: unknown } | { ok: false; error: unknown });

/** Runs one that joined a group; what it wrote goes when it fails, the others' stays. */
async function runJoined(raw: RawDatabase, tx: Tx, one: Waiting): Promise<Outcome> {
  raw.execute("savepoint joined");
  try {
    const value = await one.work(tx);
    raw.execute("release joined");
    return { one, ok: true, value };
  } catch (error) {
    // The work of the whole group is gone: none of it may be answered as done.
    if (!raw.isInTransaction()) throw error;
    raw.execute("rollback to joined");
    raw.execute("release joined");
    return { one, ok: false, error };
  }
}

/** Makes the `tx` of a store with one connection. */
export function createGroupCommit(
  db: Kysely<Tables>,
  raw: RawDatabase,
): <T>(work: (tx: Tx) => Promise<T>) => Promise<T> {
  const waiting: Waiting[] = [];
  let isRunning = false;

  /** Takes from the queue as long as the group may grow. */
  async function runGroup(taken: Waiting[], tx: Tx): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    const until = performance.now() + groupCommitLimits.maxMs;
    const mayGrow = () => taken.length < groupCommitLimits.maxTransactions && performance.now() < until;
    for (let one = waiting.shift(); one !== undefined; one = mayGrow() ? waiting.shift() : undefined) {
      taken.push(one);
      // The first needs no savepoint: when it fails nothing else was written.
      if (taken.length === 1) outcomes.push({ one, ok: true, value: await one.work(tx) });
      else outcomes.push(await runJoined(raw, tx, one));
    }
    return outcomes;
  }

  async function runAll(): Promise<void> {
    isRunning = true;
    while (waiting.length > 0) {
      const taken: Waiting[] = [];
      try {
        const outcomes = await db.transaction().execute((tx) => runGroup(taken, tx));
        for (const outcome of outcomes) {
          if (outcome.ok) outcome.one.resolve(outcome.value);
          else outcome.one.reject(outcome.error);
        }
      } catch (error) {
        // A transaction that could not even begin took nobody from the queue.
        for (const one of taken.length === 0 ? waiting.splice(0, 1) : taken) one.reject(error);
      }
    }
    // At once: what is asked for in the moment after this must find that nobody runs.
    isRunning = false;
  }

  return <T>(work: (tx: Tx) => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      waiting.push({ work, resolve: (value) => resolve(value as T), reject });
      if (!isRunning) void runAll();
    });
}
