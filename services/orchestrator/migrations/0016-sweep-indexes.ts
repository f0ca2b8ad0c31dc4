// What the sweeps, the ends of plans and decisions look for is found by an index: ready steps by when they
// were announced, timers by their plan and by what they are about, letters by their attempt. The end of a
// lease has none any more: the few steps that run are found by their status, and a heartbeat that changes
// no index costs a server much less.
import { sql } from "kysely";
import type { Kysely } from "kysely";

import { createIndexes, planIndex } from "./planned-index.ts";

export const indexes = [
  planIndex("step_announced", "step", (index) =>
    index
      .expression(sql`coalesce(announced_at, ready_at)`)
      .columns(["plan_id", "step_id"])
      .where(sql.ref("status"), "=", sql.lit("ready")),
  ),
  planIndex("timer_plan", "timer", (index) => index.columns(["plan_id"])),
  planIndex("timer_ref", "timer", (index) => index.columns(["ref"])),
  planIndex("dead_letter_dedupe", "dead_letter", (index) => index.columns(["dedupe_id"])),
];

export async function up(db: Kysely<unknown>): Promise<void> {
  await createIndexes(db, indexes);
  await db.schema.dropIndex("step_lease").execute();
}
