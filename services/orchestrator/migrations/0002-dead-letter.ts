// Messages that cannot be handled, kept for a person.
import type { Kysely } from "kysely";

import { textOf } from "./dialect.ts";

export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db);
  await db.schema
    .createTable("dead_letter")
    .addColumn("id", text, (c) => c.primaryKey())
    .addColumn("tenant_id", text, (c) => c.notNull())
    .addColumn("pool", text, (c) => c.notNull())
    .addColumn("reason", text, (c) => c.notNull())
    .addColumn("message", text, (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema.createIndex("dead_letter_pool").on("dead_letter").columns(["pool", "at", "id"]).execute();
}
