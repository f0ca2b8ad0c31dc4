// Messages in the order they are handed out, so that the next ones are found at once however many wait.
import type { Kysely } from "kysely";

import { createIndexes, planIndex } from "./planned-index.ts";

export const indexes = [
  planIndex("outbox_order", "outbox", (index) => index.columns(["pool", "priority desc", "available_at", "id"])),
];

export async function up(db: Kysely<unknown>): Promise<void> {
  await createIndexes(db, indexes);
  await db.schema.dropIndex("outbox_due").execute();
}
