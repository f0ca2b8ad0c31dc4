// What several processes share besides plans: large texts by their hash, and the turns of models as
// they arrive. Unused where one process keeps both in files. The role of tenants sees none
// of them: what a tenant may read of an artifact is told by the events of its plans.
import { sql } from "kysely";
import type { Kysely } from "kysely";

import { tenantRole } from "../src/store/tenant-role.ts";
import { isPostgres, textOf } from "./dialect.ts";

async function hideFromTenants(db: Kysely<unknown>): Promise<void> {
  for (const table of ["artifact", "turn_plan", "turn_record", "turn_event"]) {
    const name = sql.table(table);
    await sql`alter table ${name} enable row level security`.execute(db);
    await sql`create policy tenant_rows on ${name} using (current_user <> ${sql.lit(tenantRole)})`.execute(db);
  }
}

export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db);
  await db.schema
    .createTable("artifact")
    .addColumn("ref", text, (c) => c.primaryKey())
    // Bytes, because a text may hold what a text column cannot.
    .addColumn("body", isPostgres(db) ? sql`bytea` : "blob", (c) => c.notNull())
    .execute();
  // Plans of which turns were recorded, so that what they left elsewhere is found.
  await db.schema
    .createTable("turn_plan")
    .addColumn("plan_id", text, (c) => c.primaryKey())
    .execute();
  await db.schema
    .createTable("turn_record")
    .addColumn("id", text, (c) => c.primaryKey())
    .addColumn("plan_id", text, (c) => c.notNull())
    .addColumn("step_id", text, (c) => c.notNull())
    .addColumn("turn", "integer", (c) => c.notNull())
    .addUniqueConstraint("turn_record_turn", ["plan_id", "step_id", "turn"])
    .execute();
  await db.schema
    .createTable("turn_event")
    .addColumn("record_id", text, (c) => c.notNull().references("turn_record.id").onDelete("cascade"))
    .addColumn("n", "integer", (c) => c.notNull())
    .addColumn("event_json", text, (c) => c.notNull())
    .addPrimaryKeyConstraint("turn_event_pk", ["record_id", "n"])
    .execute();
  if (isPostgres(db)) await hideFromTenants(db);
}
