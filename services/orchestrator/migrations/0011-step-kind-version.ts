// Which version of its kind a step is, so that a worker of an older one leaves it alone.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("step")
    .addColumn("kind_version", "integer", (c) => c.notNull().defaultTo(1))
    .execute();
}
