// Runs the numbered migrations, forward only.
import { AgentError } from "@ossaat/contracts";
import type { Kysely } from "kysely";
import { Migrator } from "kysely/migration";

import * as initial from "../../migrations/0001-initial.ts";
import * as deadLetter from "../../migrations/0002-dead-letter.ts";
import type { Tables } from "./tables.ts";

const migrations = { "0001-initial": initial, "0002-dead-letter": deadLetter };

/** In the order they are applied. */
export const migrationNames: readonly string[] = Object.keys(migrations);

/**
 * Brings the schema to this version.
 * @throws AgentError conflict when the database was written by a newer version.
 */
export async function migrate(db: Kysely<Tables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof Error && error.message.includes("corrupted migrations")) {
    throw new AgentError("conflict", "The state folder was written by a newer version of ossaat.", {
      details: { next: "update ossaat, or `export OSSAAT_STATE_DIR=FOLDER` to use another folder" },
      cause: error,
    });
  }
  throw AgentError.from(error);
}
