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

/** Whether the table of an index is there, and not empty. */
export async function hasRows(db: Kysely<unknown>, { table }: PlannedIndex): Promise<boolean> {
  const { rows: tables } = await sql<{ found: boolean }>`
    select to_regclass(${table}) is not null as found
  `.execute(db);
  if (tables[0]?.found !== true) return false;
  const { rows } = await sql<{ found: boolean }>`
    select exists (select 1 from ${sql.table(table)}) as found
  `.execute(db);
  return rows[0]?.found === true;
}

/** An index has to be built ahead of its migration: another process applied the one before it meanwhile. */
export class IndexesFirst extends Error {
  constructor({ name, table }: PlannedIndex) {
    super(`index ${name} of ${table} has to be built beside those who write`);
    this.name = "IndexesFirst";
  }
}

/**
 * Makes those that were not built ahead: on a file, and in tables without rows.
 * @throws IndexesFirst where others would wait for it
 */
export async function createIndexes(db: Kysely<unknown>, indexes: readonly PlannedIndex[]): Promise<void> {
  for (const index of indexes) {
    if (isPostgres(db)) {
      // NOTE: `if not exists` would take the lock of the table all the same.
      if ((await readIndexState(db, index)) === "there") continue;
      if (await hasRows(db, index)) throw new IndexesFirst(index);
    }
    await index.on(db).execute();
  }
}
