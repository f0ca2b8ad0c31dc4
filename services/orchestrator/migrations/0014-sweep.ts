// When a sweep that one process of a deployment does for all is due again. The role of tenants sees none.
import { sql } from "kysely";
import type { Kysely } from "kysely";

import { tenantRole } from "../src/store/tenant-role.ts";
import { isPostgres, textOf } from "./dialect.ts";

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("sweep")
    .addColumn("name", textOf(db), (column) => column.primaryKey())
    .addColumn("due_at", "bigint", (column) => column.notNull())
    .execute();
  if (!isPostgres(db)) return;
  await sql`alter table sweep enable row level security`.execute(db);
  await sql`create policy tenant_rows on sweep using (current_user <> ${sql.lit(tenantRole)})`.execute(db);
}
