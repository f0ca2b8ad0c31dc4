// Indexes of a migration, said apart from what it does, so that on a server they are built ahead of it while
// others write (`src/store/build-indexes.ts`). A migration exports `indexes` and begins with `createIndexes`.
import { sql } from "kysely";
import type { CreateIndexBuilder, Kysely } from "kysely";

import { isPostgres } from "./dialect.ts";

/** A table of a migration has no type; so has no column. */
type Builder = Pick<CreateIndexBuilder, "compile" | "execute">;

export type PlannedIndex = {
  name: string;
  table: string;
  on(db: Kysely<unknown>): Builder;
};

/** @param define its columns, and which rows it holds */
export function planIndex(name: string, table: string, define: (index: CreateIndexBuilder) => Builder): PlannedIndex {
  return { name, table, on: (db) => define(db.schema.createIndex(name).on(table)) };
}

export type IndexState = "missing" | "invalid" | "there";

/** How an index stands on a server; one whose build broke off is invalid: it costs, and serves nobody. */
export async function readIndexState(db: Kysely<unknown>, { name }: PlannedIndex): Promise<IndexState> {
  const { rows } = await sql<{ valid: boolean }>`
    select indisvalid as valid from pg_index where indexrelid = to_regclass(${name})
  `.execute(db);
  const [index] = rows;
  if (index === undefined) return "missing";
  return index.valid ? "there" : "invalid";
}

/** Makes those that were not built ahead: on a file, and in tables without rows. */
export async function createIndexes(db: Kysely<unknown>, indexes: readonly PlannedIndex[]): Promise<void> {
  for (const index of indexes) {
    // NOTE: `if not exists` would take the lock of the table all the same.
    if (isPostgres(db) && (await readIndexState(db, index)) === "there") continue;
    await index.on(db).execute();
  }
}
