// `ossaat db migrate`: the schema of the database that holds the plans.
import path from "node:path";

import type { CommandContext } from "../command-context.ts";
import { findServer } from "../server/find-server.ts";

/** Brings the schema to this version, without a server. */
export async function migrateCommand({ config, output }: CommandContext): Promise<number> {
  if (config.store !== undefined) {
    const { migratePostgres } = await import("@ossaat/orchestrator/postgres");
    await migratePostgres(config.store);
    // A running server owns the file and brought it up to date when it started.
  } else if ((await findServer(config)) === undefined) {
    const { openSqliteStore } = await import("@ossaat/orchestrator");
    await (await openSqliteStore(path.join(config.stateDir, "ossaat.db"))).close();
  }
  if (output.format !== "text") output.json({ schemaVersion: 1, migrated: true });
  else output.print("The database has the schema of this version.");
  return 0;
}
