// Builds the indexes of a migration ahead of it on a server whose tables have rows: `concurrently`, outside of
// any transaction, so that who writes goes on meanwhile, however long it takes.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import { CompiledQuery, sql } from "kysely";
import type { Kysely } from "kysely";

import { hasRows, readIndexState } from "../../migrations/planned-index.ts";
import type { PlannedIndex } from "../../migrations/planned-index.ts";
import { postgresLimits } from "./limits.ts";
import type { Tables } from "./tables.ts";

/** Names the lock of who builds among all locks of the database; any number that nobody else uses. */
const builderLock = 7_236_413_003;

type Connection = Kysely<unknown>;

async function build(db: Connection, index: PlannedIndex): Promise<void> {
  const state = await readIndexState(db, index);
  // Nobody builds it any more: this process has the lock.
  if (state === "invalid") await sql`drop index concurrently ${sql.id(index.name)}`.execute(db);
  if (state === "there" || !(await hasRows(db, index))) return;
  const { sql: text } = index.on(db).compile();
  const concurrently = text.replace(/^create (unique )?index /u, "create $1index concurrently ");
  await db.executeQuery(CompiledQuery.raw(concurrently)).catch(async (error: unknown) => {
    // A migration that found the table empty a moment ago has made it.
    if ((await readIndexState(db, index)) !== "there") throw error;
  });
}

/** One at a time. NOTE: who waited inside a statement would hold a snapshot, and the build waits for those. */
async function takeTurn(db: Connection): Promise<void> {
  const until = performance.now() + postgresLimits.migrationMs;
  for (;;) {
    const { rows } = await sql<{ held: boolean }>`
      select pg_try_advisory_lock(${sql.lit(builderLock)}) as held
    `.execute(db);
    if (rows[0]?.held === true) return;
    if (performance.now() > until) {
      throw new AgentError("unavailable", "Another process has been building indexes of the database for too long.", {
        details: { next: "wait until it has ended, and start again; `ossaat db migrate` shows what is missing" },
      });
    }
    await sleep(postgresLimits.ownerPauseMs);
  }
}

/**
 * Builds those that are missing where the tables have rows, and throws away what a build left that broke off.
 * The rest is made by the migration itself.
 */
export async function buildIndexes(db: Kysely<Tables>, indexes: readonly PlannedIndex[]): Promise<void> {
  if (indexes.length === 0) return;
  await db.connection().execute(async (tables) => {
    const own = tables as unknown as Connection;
    await takeTurn(own);
    try {
      // The build waits for the transactions that began before it, and nobody waits for the build.
      await sql`set lock_timeout = 0`.execute(own);
      for (const index of indexes) await build(own, index);
    } finally {
      await sql`reset lock_timeout`.execute(own);
      await sql`select pg_advisory_unlock(${sql.lit(builderLock)})`.execute(own);
    }
  });
}
