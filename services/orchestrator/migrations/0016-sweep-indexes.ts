// What the sweeps, the ends of plans and decisions look for is found by an index: ready steps by when they
// were announced, timers by their plan and by what they are about, letters by their attempt. The end of a
// lease has none any more: the few steps that run are found by their status, and a heartbeat that changes
// no index costs a server much less.
import { sql } from "kysely";
import type { Kysely } from "kysely";

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create index step_announced on step (coalesce(announced_at, ready_at), plan_id, step_id) where status = 'ready'
  `.execute(db);
  await db.schema.createIndex("timer_plan").on("timer").columns(["plan_id"]).execute();
  await db.schema.createIndex("timer_ref").on("timer").columns(["ref"]).execute();
  await db.schema.createIndex("dead_letter_dedupe").on("dead_letter").columns(["dedupe_id"]).execute();
  await db.schema.dropIndex("step_lease").execute();
}
