// Looks at a database on a server without changing it.
import { AgentError } from "@ossaat/contracts";
import { sql } from "kysely";

import { postgresLimits } from "../limits.ts";
import { isUsableSchema, migrationNames, readApplied } from "../migrate.ts";
import { requireFreeNames } from "./foreign-tables.ts";
import { translatePostgresError } from "./postgres-errors.ts";
import { connectPostgres, requireVersion } from "./postgres.ts";

export type PostgresInspection = {
  /** Version of the server, as it names itself. */
  server: string;
  /** Newest migration the database has; `none` before the first start. */
  schema: string;
  /** The database has every migration of this version, and none that takes something away from it. */
  isCurrent: boolean;
};

/**
 * Reads version and schema of the database at `url`.
 * @throws AgentError invalid_input (address), unavailable (server, password, version), conflict (newer schema, tables of others)
 */
export async function inspectPostgresStore(url: string): Promise<PostgresInspection> {
  const db = connectPostgres(url, postgresLimits, 1);
  try {
    const server = await requireVersion(db);
    await requireFreeNames(db);
    const table = await sql<{ found: boolean }>`select to_regclass('kysely_migration') is not null as found`.execute(
      db,
    );
    if (table.rows[0]?.found !== true) return { server, schema: "none", isCurrent: false };
    const applied = await readApplied(db);
    const isCurrent = isUsableSchema(applied);
    const unknown = applied.find((name) => !migrationNames.includes(name));
    if (unknown !== undefined && !isCurrent) {
      throw new AgentError("conflict", `The database was written by a newer version of ossaat (${unknown}).`, {
        details: { next: "update ossaat, or name another database: `ossaat config explain store`" },
      });
    }
    return { server, schema: applied.at(-1) ?? "none", isCurrent };
  } catch (error) {
    throw translatePostgresError(error);
  } finally {
    await db.destroy();
  }
}
