// The embedded store: one file, one owner process, WAL with synchronous=FULL.
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import { AgentError } from "@ossaat/contracts";
import { Kysely, SqliteAdapter, SqliteDialect, SqliteQueryCompiler, sql } from "kysely";
import type { SelectModifierNode } from "kysely";

import { migrate } from "../migrate.ts";
import type { Store } from "../store.ts";
import type { Tables } from "../tables.ts";
import { createGroupCommit } from "./group-commit.ts";
import { nodeSqliteDatabase } from "./node-sqlite-database.ts";

const sqlitePermission = 3;
const sqliteBusy = 5;
const sqliteReadOnly = 8;
const sqliteIoError = 10;
const sqliteCorrupt = 11;
const sqliteFull = 13;
const sqliteCannotOpen = 14;
const sqliteNotADatabase = 26;

function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !("errcode" in thrown)) return undefined;
  return typeof thrown.errcode === "number" ? thrown.errcode & 0xff : undefined;
}

const fileCodes = new Set(["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST", "EISDIR", "ENOSPC", "EDQUOT", "ENOENT"]);

function isFileError(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown && fileCodes.has(String(thrown.code));
}

function cannotWrite(cause: unknown): AgentError {
  return new AgentError("unavailable", "The state folder cannot be written: is the disk full?", {
    details: { next: "`df -h` and `ls -ld` of the state folder; OSSAAT_STATE_DIR names another" },
    cause,
  });
}

/** Translates an error of the database or of its folder; anything else passes through. */
export function translateSqliteError(thrown: unknown, file: string): unknown {
  if (isFileError(thrown)) return cannotWrite(thrown);
  switch (sqliteCode(thrown)) {
    case sqliteBusy:
      return new AgentError("conflict", "Another ossaat server is using this state folder.", {
        details: { reason: "folder_owned", next: "run `ossaat status` to see it, or `ossaat down` to stop it" },
        cause: thrown,
      });
    case sqliteFull:
    case sqliteIoError:
    case sqlitePermission:
    case sqliteReadOnly:
    case sqliteCannotOpen:
      return cannotWrite(thrown);
    case sqliteCorrupt:
    case sqliteNotADatabase:
      return new AgentError("unavailable", `The database ${path.basename(file)} is damaged.`, {
        details: { next: "`mv` the state folder aside and start again; branches already made are safe in git" },
        cause: thrown,
      });
    default:
      return thrown;
  }
}

function newerFolder(cause: unknown): AgentError {
  return new AgentError("conflict", "The state folder was written by a newer version of ossaat.", {
    details: { next: "update ossaat, or `export OSSAAT_STATE_DIR=FOLDER` to use another folder" },
    cause,
  });
}

/** SQLite's schema changes roll back with their transaction, so a migration is whole or not there. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** There is one writer, so that every row a transaction reads is its own: SQLite has no words for row locks. */
class LocklessCompiler extends SqliteQueryCompiler {
  protected override visitSelectModifier(node: SelectModifierNode): void {
    if (node.modifier !== "ForUpdate" && node.modifier !== "SkipLocked") super.visitSelectModifier(node);
  }
}

class EmbeddedDialect extends SqliteDialect {
  override createQueryCompiler(): SqliteQueryCompiler {
    return new LocklessCompiler();
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter();
  }
}

/** A new name survives a power loss only when its folder was synced too. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** Makes the file owner-only before SQLite opens it, because its log takes over the file's mode. */
function createPrivately(file: string): void {
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
  // NOTE: an existing file is never opened here: closing it would drop the locks this process may hold on it.
  if (!existsSync(file)) {
    closeSync(openSync(file, "ax", 0o600));
    syncFolder(path.dirname(file));
  }
  chmodSync(file, 0o600);
}

function openDatabase(file: string): DatabaseSync {
  createPrivately(file);
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // NOTE: exclusive locking is the single-owner guarantee; the kernel drops it when the owner dies.
    database.exec("PRAGMA locking_mode = EXCLUSIVE");
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = FULL");
    database.exec("PRAGMA foreign_keys = ON");
    database.exec("BEGIN EXCLUSIVE; COMMIT");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Keeps other servers off the folder of `file` without a store in it, as when the store is elsewhere.
 * @throws AgentError conflict when another process owns the file.
 */
export function ownFolder(file: string): { release(): void } {
  try {
    const owned = openDatabase(file);
    return { release: () => owned.close() };
  } catch (error) {
    throw translateSqliteError(error, file);
  }
}

/**
 * Opens (and migrates) the store in `file`.
 * @throws AgentError conflict when another process owns the file.
 */
export async function openSqliteStore(file: string): Promise<Store> {
  const translated = (thrown: unknown): unknown => translateSqliteError(thrown, file);
  try {
    const owned = openDatabase(file);
    const database = nodeSqliteDatabase(owned, translated);
    const db = new Kysely<Tables>({ dialect: new EmbeddedDialect({ database }) });
    await migrate(db, { isUsable: false, error: newerFolder }).catch(async (error: unknown) => {
      await db.destroy();
      throw error;
    });
    const tx = createGroupCommit(db, {
      execute: (statement) => void database.prepare(statement).run([]),
      isInTransaction: () => owned.isTransaction,
    });
    const store: Store = {
      isShared: false,
      hasOneWriter: true,
      forTenant: () => store,
      leaseTime: (now) => now,
      read: db,
      tx,
      // There is one connection: between its statements nobody writes.
      snapshot: tx,
      ping: async () => {
        await sql`select 1`.execute(db);
      },
      close: () => db.destroy(),
    };
    return store;
  } catch (error) {
    throw translated(error);
  }
}
