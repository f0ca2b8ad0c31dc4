// When a step was last announced: its message may wait at a broker for long, where the outbox does not
// show it. Empty for steps of an older version, which then go by the time they became ready.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("step").addColumn("announced_at", "bigint").execute();
}
