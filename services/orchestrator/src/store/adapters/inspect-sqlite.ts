// Looks at a database without owning or changing it.
import { DatabaseSync } from "node:sqlite";

import { AgentError } from "@ossaat/contracts";

import { migrationNames } from "../migrate.ts";
import { translateSqliteError } from "./sqlite.ts";

export type StoreInspection = {
  /** What SQLite finds wrong; empty = sound. */
  problems: string[];
  /** Newest migration the file has; `none` before the first start. */
  schema: string;
  /** The file has every migration of this version. */
  isCurrent: boolean;
};

function rows(database: DatabaseSync, sql: string): Record<string, unknown>[] {
  return database.prepare(sql).all();
}

function readSchema(database: DatabaseSync): string[] {
  const [table] = rows(database, "SELECT name FROM sqlite_master WHERE name = 'kysely_migration'");
  if (table === undefined) return [];
  return rows(database, "SELECT name FROM kysely_migration ORDER BY name").map(({ name }) => String(name));
}

/**
 * Reads integrity and schema of the store in `file`.
 * @throws AgentError conflict (a server uses it, or a newer version wrote it), unavailable (damaged, unreadable)
 */
export function inspectSqliteStore(file: string): StoreInspection {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { readOnly: true, timeout: 0 });
    const problems = rows(database, "PRAGMA quick_check(5)")
      .map((row) => String(Object.values(row)[0]))
      .filter((text) => text !== "ok");
    const applied = readSchema(database);
    const unknown = applied.find((name) => !migrationNames.includes(name));
    if (unknown !== undefined) {
      throw new AgentError("conflict", `The database was written by a newer version of ossaat (${unknown}).`, {
        details: { next: "update ossaat, or `export OSSAAT_STATE_DIR=FOLDER` to use another folder" },
      });
    }
    return { problems, schema: applied.at(-1) ?? "none", isCurrent: applied.length === migrationNames.length };
  } catch (error) {
    throw translateSqliteError(error, file);
  } finally {
    database?.close();
  }
}
