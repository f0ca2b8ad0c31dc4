// When a message was written, or let out of a line: its place in the outbox is that of its step, which may
// have been ready long before. And which attempt of a step a dead letter is about, so that there is one for
// each. Both are empty for what an older version wrote.
import type { Kysely } from "kysely";

import { textOf } from "./dialect.ts";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("outbox").addColumn("written_at", "bigint").execute();
  await db.schema.alterTable("dead_letter").addColumn("dedupe_id", textOf(db)).execute();
}
