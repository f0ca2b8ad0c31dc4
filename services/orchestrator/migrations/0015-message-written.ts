// When a message was written, or let out of a line: its place in the outbox is that of its step, which may
// have been ready long before. Empty for messages of an older version, which then go by their place.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("outbox").addColumn("written_at", "bigint").execute();
}
