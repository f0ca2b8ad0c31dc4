// The open plans of a tenant, found without those that ended.
import { sql } from "kysely";
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  const index = db.schema.createIndex("plan_open").on("plan").columns(["tenant_id"]);
  await index.where(sql.ref("finished_at"), "is", null).execute();
}
