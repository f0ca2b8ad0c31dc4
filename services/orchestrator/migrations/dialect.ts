// What the two databases write differently in a schema.
import { PostgresAdapter, sql } from "kysely";
import type { Kysely } from "kysely";

export function isPostgres(db: Kysely<unknown>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** Text in order of its code points on both, whatever language a server sorts by. */
export function textOf(db: Kysely<unknown>) {
  return isPostgres(db) ? sql`text collate "C"` : "text";
}
