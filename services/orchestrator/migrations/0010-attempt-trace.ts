// The span under which an attempt was claimed: the next attempt links to it. Empty without tracing, and
// for attempts of an older version.
import type { Kysely } from "kysely";

import { textOf } from "./dialect.ts";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("attempt").addColumn("traceparent", textOf(db)).execute();
}
