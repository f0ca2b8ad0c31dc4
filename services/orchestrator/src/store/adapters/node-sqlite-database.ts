// Gives Kysely's SQLite dialect the shape it expects, on Node's built-in SQLite.
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

import type { SqliteDatabase, SqliteStatement } from "kysely";

const maxCachedStatements = 256;

type Attempt = <T>(work: () => T) => T;

function asStatement(statement: StatementSync, attempt: Attempt): SqliteStatement {
  const bind = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => attempt(() => statement.all(...bind(parameters))),
    run: (parameters) => attempt(() => statement.run(...bind(parameters))),
    iterate: (parameters) => attempt(() => statement.iterate(...bind(parameters))),
  };
}

/**
 * After a full disk SQLite has often rolled back by itself; a second rollback would hide the
 * first error behind its own.
 */
function rollbackOnce(database: DatabaseSync, statement: SqliteStatement): SqliteStatement {
  const nothing = { changes: 0, lastInsertRowid: 0 };
  return { ...statement, run: (parameters) => (database.isTransaction ? statement.run(parameters) : nothing) };
}

/** Wraps an open database; prepared statements are kept for reuse, errors pass through `translate`. */
export function nodeSqliteDatabase(database: DatabaseSync, translate: (thrown: unknown) => unknown): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>();
  const attempt: Attempt = (work) => {
    try {
      return work();
    } catch (error) {
      throw translate(error);
    }
  };
  return {
    close: () => database.close(),
    prepare(sql) {
      const known = cache.get(sql);
      if (known !== undefined) return known;
      const plain = attempt(() => asStatement(database.prepare(sql), attempt));
      const statement = sql === "rollback" ? rollbackOnce(database, plain) : plain;
      if (cache.size >= maxCachedStatements) cache.delete(cache.keys().next().value ?? "");
      cache.set(sql, statement);
      return statement;
    },
  };
}
