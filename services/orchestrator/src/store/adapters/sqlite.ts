// The embedded store: one file, one owner process, WAL with synchronous=FULL.
import { chmodSync, mkdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import { AgentError } from "@ossaat/contracts";
import { Kysely, SqliteDialect, sql } from "kysely";

import { migrate } from "../migrate.ts";
import type { Store } from "../store.ts";
import type { Tables } from "../tables.ts";
import { nodeSqliteDatabase } from "./node-sqlite-database.ts";

const sqliteBusy = 5;
const sqliteFull = 13;
const sqliteIoError = 10;
const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("errcode" in thrown)) return undefined;
  return typeof thrown.errcode === "number" ? thrown.errcode & 0xff : undefined;
}

/** Translates an error of the database; anything else passes through. */
function translate(thrown: unknown, file: string): unknown {
  switch (sqliteCode(thrown)) {
    case sqliteBusy:
      return new AgentError("conflict", "Another ossaat server is using this state folder.", {
        details: { next: "run `ossaat status` to see it, or `ossaat down` to stop it" },
        cause: thrown,
      });
    case sqliteFull:
    case sqliteIoError:
      return new AgentError("unavailable", "The state folder cannot be written: is the disk full?", { cause: thrown });
    case sqliteCorrupt:
    case sqliteNotADatabase:
      return new AgentError("unavailable", `The database ${path.basename(file)} is damaged.`, {
        details: { next: "move the state folder aside and start again; branches already made are safe in git" },
        cause: thrown,
      });
    default:
      return thrown;
  }
}

function openDatabase(file: string): DatabaseSync {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // NOTE: exclusive locking is the single-owner guarantee; the kernel drops it when the owner dies.
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA foreign_keys = ON");
    database.exec("BEGIN EXCLUSIVE; COMMIT");
    chmodSync(file, 0o600);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Opens (and migrates) the store in `file`.
 * @throws AgentError conflict when another process owns the file.
 */
export async function openSqliteStore(file: string): Promise<Store> {
  try {
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: nodeSqliteDatabase(openDatabase(file)) }) });
    await migrate(db);
    return {
      read: db,
      tx: (work) =>
        db
          .transaction()
          .execute(work)
          .catch((error: unknown) => {
            throw translate(error, file);
          }),
      ping: async () => {
        await sql`select 1`.execute(db);
      },
      close: () => db.destroy(),
    };
  } catch (error) {
    throw translate(error, file);
  }
}
