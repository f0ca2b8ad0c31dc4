// Answers by the end of their time, so that those to be forgotten are found at once.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex("idem_expires").on("idem").columns(["expires_at"]).execute();
}
