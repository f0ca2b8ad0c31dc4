// Plans that wait for a person, so that they are counted without a look at all that ever ran.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createIndex("plan_waiting")
    .on("plan")
    .columns(["updated_at"])
    .where("status" as never, "=", "awaiting_approval")
    .execute();
}
