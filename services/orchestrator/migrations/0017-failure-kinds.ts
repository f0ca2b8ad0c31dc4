// Failures that have a limit of their own, counted apart from the others.
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const name of ["away_count", "silent_count"]) {
    await db.schema
      .alterTable("step")
      .addColumn(name, "integer", (column) => column.notNull().defaultTo(0))
      .execute();
  }
}
