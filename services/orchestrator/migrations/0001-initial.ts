// First schema. Plain types only, so that SQLite and Postgres take the same statements.
import { sql } from "kysely";
import type { Kysely } from "kysely";

import { isPostgres, textOf } from "./dialect.ts";

async function createPlanTables(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db);
  await db.schema
    .createTable("plan")
    .addColumn("id", text, (c) => c.primaryKey())
    .addColumn("tenant_id", text, (c) => c.notNull())
    .addColumn("status", text, (c) => c.notNull())
    .addColumn("goal", text, (c) => c.notNull())
    .addColumn("options_json", text, (c) => c.notNull())
    .addColumn("def_json", text)
    .addColumn("def_hash", text)
    .addColumn("revision", "integer", (c) => c.notNull())
    .addColumn("planning_round", "integer", (c) => c.notNull())
    .addColumn("approved_json", text, (c) => c.notNull())
    .addColumn("model", text)
    .addColumn("next_seq", "bigint", (c) => c.notNull())
    .addColumn("cancel_at", "bigint")
    .addColumn("priority", "integer", (c) => c.notNull())
    .addColumn("repository_path", text, (c) => c.notNull())
    .addColumn("created_by", text, (c) => c.notNull())
    .addColumn("created_at", "bigint", (c) => c.notNull())
    .addColumn("updated_at", "bigint", (c) => c.notNull())
    .addColumn("finished_at", "bigint")
    .addColumn("deadline_at", "bigint")
    .addColumn("spent_tokens", "bigint", (c) => c.notNull())
    .addColumn("spent_cost_usd", "double precision", (c) => c.notNull())
    .addColumn("unknown_cost_turns", "integer", (c) => c.notNull())
    .addColumn("reserved_tokens", "bigint", (c) => c.notNull())
    .addColumn("reserved_cost_usd", "double precision", (c) => c.notNull())
    .addColumn("traceparent", text)
    .addColumn("recorded_revision", "integer", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("event")
    .addColumn("plan_id", text, (c) => c.notNull().references("plan.id"))
    .addColumn("seq", "bigint", (c) => c.notNull())
    .addColumn("at", "bigint", (c) => c.notNull())
    .addColumn("type", text, (c) => c.notNull())
    .addColumn("step_id", text)
    .addColumn("attempt", "integer")
    .addColumn("actor_json", text, (c) => c.notNull())
    .addColumn("data_json", text, (c) => c.notNull())
    .addColumn("trace_id", text)
    .addPrimaryKeyConstraint("event_pk", ["plan_id", "seq"])
    .execute();
}

async function createStepTables(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db);
  await db.schema
    .createTable("step")
    .addColumn("plan_id", text, (c) => c.notNull().references("plan.id"))
    .addColumn("step_id", text, (c) => c.notNull())
    .addColumn("kind", text, (c) => c.notNull())
    .addColumn("pool", text, (c) => c.notNull())
    .addColumn("status", text, (c) => c.notNull())
    .addColumn("reason", text)
    .addColumn("attempt", "integer", (c) => c.notNull())
    .addColumn("failures", "integer", (c) => c.notNull())
    .addColumn("lost_count", "integer", (c) => c.notNull())
    .addColumn("fence", "bigint", (c) => c.notNull())
    .addColumn("ready_at", "bigint")
    .addColumn("lease_owner", text)
    .addColumn("lease_until", "bigint")
    .addColumn("effect_class", text, (c) => c.notNull())
    .addColumn("intent_call_id", text)
    .addColumn("reserved_tokens", "bigint", (c) => c.notNull())
    .addColumn("reserved_cost_usd", "double precision", (c) => c.notNull())
    .addColumn("head", text)
    .addColumn("result_json", text)
    .addPrimaryKeyConstraint("step_pk", ["plan_id", "step_id"])
    .execute();
  await db.schema
    .createTable("step_dep")
    .addColumn("plan_id", text, (c) => c.notNull())
    .addColumn("step_id", text, (c) => c.notNull())
    .addColumn("needs_step_id", text, (c) => c.notNull())
    .addPrimaryKeyConstraint("step_dep_pk", ["plan_id", "step_id", "needs_step_id"])
    .execute();
  await db.schema
    .createTable("attempt")
    .addColumn("plan_id", text, (c) => c.notNull())
    .addColumn("step_id", text, (c) => c.notNull())
    .addColumn("attempt", "integer", (c) => c.notNull())
    .addColumn("fence", "bigint", (c) => c.notNull())
    .addColumn("worker", text, (c) => c.notNull())
    .addColumn("started_at", "bigint", (c) => c.notNull())
    .addColumn("heartbeat_at", "bigint", (c) => c.notNull())
    .addColumn("ended_at", "bigint")
    .addColumn("outcome", text)
    .addColumn("error_code", text)
    .addPrimaryKeyConstraint("attempt_pk", ["plan_id", "step_id", "attempt"])
    .execute();
}

async function createApprovalTable(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db);
  await db.schema
    .createTable("approval")
    .addColumn("id", text, (c) => c.primaryKey())
    .addColumn("tenant_id", text, (c) => c.notNull())
    .addColumn("plan_id", text, (c) => c.notNull().references("plan.id"))
    .addColumn("step_id", text, (c) => c.notNull())
    .addColumn("kind", text, (c) => c.notNull())
    .addColumn("call_id", text)
    .addColumn("request_hash", text, (c) => c.notNull())
    .addColumn("request_json", text, (c) => c.notNull())
    .addColumn("status", text, (c) => c.notNull())
    .addColumn("scope", text)
    .addColumn("feedback", text)
    .addColumn("requested_at", "bigint", (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .addColumn("decided_at", "bigint")
    .addColumn("decided_by", text)
    .execute();
}

async function createQueueTables(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db);
  await db.schema
    .createTable("outbox")
    .addColumn("id", text, (c) => c.primaryKey())
    .addColumn("pool", text, (c) => c.notNull())
    .addColumn("dedupe_id", text, (c) => c.notNull())
    .addColumn("plan_id", text, (c) => c.notNull())
    .addColumn("step_id", text, (c) => c.notNull())
    .addColumn("tenant_id", text, (c) => c.notNull())
    .addColumn("priority", "integer", (c) => c.notNull())
    .addColumn("envelope_json", text, (c) => c.notNull())
    .addColumn("available_at", "bigint", (c) => c.notNull())
    .addColumn("claimed_until", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("timer")
    .addColumn("id", text, (c) => c.primaryKey())
    .addColumn("plan_id", text, (c) => c.notNull())
    .addColumn("step_id", text, (c) => c.notNull())
    .addColumn("kind", text, (c) => c.notNull())
    .addColumn("ref", text, (c) => c.notNull())
    .addColumn("due_at", "bigint", (c) => c.notNull())
    .execute();
  await db.schema
    .createTable("idem")
    .addColumn("tenant_id", text, (c) => c.notNull())
    .addColumn("key", text, (c) => c.notNull())
    .addColumn("request_hash", text, (c) => c.notNull())
    .addColumn("response_json", text, (c) => c.notNull())
    .addColumn("expires_at", "bigint", (c) => c.notNull())
    .addPrimaryKeyConstraint("idem_pk", ["tenant_id", "key"])
    .execute();
}

async function createIndexes(db: Kysely<unknown>): Promise<void> {
  await db.schema.createIndex("event_step").on("event").columns(["plan_id", "step_id", "seq"]).execute();
  await db.schema.createIndex("step_ready").on("step").columns(["status", "pool", "ready_at"]).execute();
  await db.schema.createIndex("step_lease").on("step").columns(["status", "lease_until"]).execute();
  await db.schema.createIndex("outbox_due").on("outbox").columns(["pool", "available_at", "id"]).execute();
  await db.schema.createIndex("outbox_step").on("outbox").columns(["plan_id", "step_id"]).execute();
  await db.schema.createIndex("timer_due").on("timer").columns(["due_at"]).execute();
  await db.schema.createIndex("plan_list").on("plan").columns(["tenant_id", "created_at", "id"]).execute();
  await db.schema.createIndex("approval_plan").on("approval").columns(["plan_id", "step_id", "status"]).execute();
  await db.schema
    .createIndex("approval_one_pending")
    .unique()
    .on("approval")
    .columns(["plan_id", "step_id"])
    .where("status" as never, "=", "pending")
    .execute();
}

/** Rows of these tables change often: room in their pages and early clean-up keep them small on Postgres. */
async function keepSmall(db: Kysely<unknown>): Promise<void> {
  if (!isPostgres(db)) return;
  for (const table of ["plan", "step", "outbox"]) {
    await sql`
      alter table ${sql.table(table)} set (
        fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0
      )
    `.execute(db);
  }
}

export async function up(db: Kysely<unknown>): Promise<void> {
  await createPlanTables(db);
  await createStepTables(db);
  await createApprovalTable(db);
  await createQueueTables(db);
  await createIndexes(db);
  await keepSmall(db);
}
