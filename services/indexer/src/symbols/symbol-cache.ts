// Parse results on disk, keyed by content: the git blob id and the engine's version. One
// database for each tenant, so that removing a tenant is removing a file.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { AgentError } from "@ossaat/contracts";

import { indexLimits } from "../limits.ts";
import { symbolEngineVersion } from "./symbol.ts";
import type { FileSymbol } from "./symbol.ts";

export type SymbolCache = {
  get(blob: string, grammar: string): FileSymbol[] | undefined;
  put(blob: string, grammar: string, symbols: readonly FileSymbol[]): void;
  close(): void;
};

const schema = `
  pragma journal_mode = wal;
  pragma synchronous = off;
  create table if not exists parsed (
    key text primary key,
    symbols text not null
  ) without rowid;
`;

/** How long one process waits for another one that writes to the same cache. */
const busyTimeoutMs = 2_000;
const sqliteCorrupt = 11;
const sqliteNotADatabase = 26;

function isDamaged(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode === sqliteCorrupt || errcode === sqliteNotADatabase;
}

function openDatabase(file: string): DatabaseSync {
  const open = () => {
    const database = new DatabaseSync(file, { timeout: busyTimeoutMs });
    database.exec(schema);
    return database;
  };
  try {
    return open();
  } catch (error) {
    if (!isDamaged(error)) {
      const details = { next: "Check that the cache folder can be written and that the disk is not full." };
      throw new AgentError("unavailable", "The index cache cannot be opened.", { cause: error, details });
    }
    // A damaged cache is worth nothing: begin an empty one.
    for (const suffix of ["", "-wal", "-shm"]) rmSync(file + suffix, { force: true });
    return open();
  }
}

function prune(database: DatabaseSync): void {
  const row = database.prepare("select count(*) as rows from parsed").get();
  if (Number(row?.["rows"]) < indexLimits.maxCacheRows) return;
  database
    .prepare("delete from parsed where key in (select key from parsed limit ?)")
    .run(indexLimits.maxCacheRows / 10);
}

/** NOTE: `recursive` of mkdir spins for ever below folders such as /proc. */
function makeMissing(folder: string): void {
  if (existsSync(folder)) return;
  makeMissing(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another process may have been quicker.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

/** @throws AgentError unavailable */
function makeFolder(folder: string): void {
  try {
    makeMissing(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "unknown";
    throw new AgentError("unavailable", `The cache folder ${folder} cannot be made (${code}).`, {
      cause: error,
      details: { next: "Check that the cache folder can be written and that the disk is not full." },
    });
  }
}

/** Opens the cache of a tenant below `cacheDir`. */
export function openSymbolCache(cacheDir: string, tenantId: string): SymbolCache {
  const folder = join(cacheDir, createHash("sha256").update(tenantId).digest("hex").slice(0, 32));
  makeFolder(folder);
  const database = openDatabase(join(folder, "symbols.db"));
  prune(database);
  const select = database.prepare("select symbols from parsed where key = ?");
  const insert = database.prepare("insert or replace into parsed (key, symbols) values (?, ?)");
  const keyOf = (blob: string, grammar: string) => `${blob}:${grammar}:${symbolEngineVersion}`;
  let isWritable = true;
  return {
    get(blob, grammar) {
      const row = select.get(keyOf(blob, grammar));
      return row === undefined ? undefined : (JSON.parse(String(row["symbols"])) as FileSymbol[]);
    },
    put(blob, grammar, symbols) {
      if (!isWritable) return;
      try {
        insert.run(keyOf(blob, grammar), JSON.stringify(symbols));
      } catch {
        // A full disk or a lock held too long must not fail a query: go on without storing.
        isWritable = false;
      }
    },
    close: () => database.close(),
  };
}
