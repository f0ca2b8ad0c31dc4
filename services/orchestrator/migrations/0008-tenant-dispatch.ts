// What shares the work out among tenants: messages of each tenant in the order they are handed out, so
// that the tenants that wait, and the next messages of each, are found at once however many wait; and a
// row for each tenant that claims lock while they count what runs. The role of tenants sees none of those.
import { sql } from "kysely";
import type { Kysely } from "kysely";

import { tenantRole } from "../src/store/tenant-role.ts";
import { isPostgres, textOf } from "./dialect.ts";
import { createIndexes, planIndex } from "./planned-index.ts";

export const indexes = [
  planIndex("outbox_tenant", "outbox", (index) =>
    index.columns(["pool", "tenant_id", "priority desc", "available_at", "id"]),
  ),
];

export async function up(db: Kysely<unknown>): Promise<void> {
  await createIndexes(db, indexes);
  await db.schema
    .createTable("claim_gate")
    .addColumn("tenant_id", textOf(db), (c) => c.primaryKey())
    .execute();
  if (!isPostgres(db)) return;
  await sql`alter table claim_gate enable row level security`.execute(db);
  await sql`create policy tenant_rows on claim_gate using (current_user <> ${sql.lit(tenantRole)})`.execute(db);
}
