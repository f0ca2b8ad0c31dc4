// Gives Kysely's SQLite dialect the shape it expects, on Node's built-in SQLite.
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

import type { SqliteDatabase, SqliteStatement } from "kysely";

const maxCachedStatements = 256;

function asStatement(statement: StatementSync): SqliteStatement {
  const bind = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[];
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...bind(parameters)),
    run: (parameters) => statement.run(...bind(parameters)),
    iterate: (parameters) => statement.iterate(...bind(parameters)),
  };
}

/** Wraps an open database; prepared statements are kept for reuse. */
export function nodeSqliteDatabase(database: DatabaseSync): SqliteDatabase {
  const cache = new Map<string, SqliteStatement>();
  return {
    close: () => database.close(),
    prepare(sql) {
      const known = cache.get(sql);
      if (known !== undefined) return known;
      const statement = asStatement(database.prepare(sql));
      if (cache.size >= maxCachedStatements) cache.delete(cache.keys().next().value ?? "");
      cache.set(sql, statement);
      return statement;
    },
  };
}
