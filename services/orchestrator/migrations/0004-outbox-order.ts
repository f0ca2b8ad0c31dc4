// Messages in the order they are handed out, so that the next ones are found at once however many wait.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex("outbox_order")
    .on("outbox")
    .columns(["pool", "priority desc", "available_at", "id"])
    .execute();
  await db.schema.dropIndex("outbox_due").execute();
}
