// Since when a step waits for a worker. `ready_at`, its place among those that wait, stays the same over
// all its attempts. Empty for steps of an older version, which then go by that.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("step").addColumn("waiting_since", "bigint").execute();
}
