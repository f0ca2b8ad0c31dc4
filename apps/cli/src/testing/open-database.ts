// Plain SQL on a PostgreSQL, as the oracle asks it: with `?` for parameters.
import type { Query } from "@ossaat/testkit";
import { Client as Database, types } from "pg";

/** The caller closes it. */
export async function openDatabase(url: string): Promise<{ query: Query; close(): Promise<void> }> {
  // Numbers of 64 bits come as text, unless somebody says otherwise.
  types.setTypeParser(types.builtins.INT8, Number);
  const database = new Database({ connectionString: url });
  // Of a server that is killed; the next question meets it, too.
  database.on("error", () => undefined);
  await database.connect();
  return {
    async query(sql, parameters) {
      let n = 0;
      const numbered = sql.replaceAll("?", () => `$${(n += 1)}`);
      return (await database.query<Record<string, unknown>>(numbered, [...parameters])).rows;
    },
    close: () => database.end(),
  };
}
