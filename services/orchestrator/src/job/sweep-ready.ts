// T12, again and again: looks through the ready steps for those whose message is gone. In a long backlog
// nearly all have theirs, so each look goes over some of them, from where the one before it stopped.
import { sql } from "kysely";

import type { StepRow } from "../store/tables.ts";
import type { Engine } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { announceEach } from "./sweep.ts";
import { storeTime } from "./store-time.ts";

/** A step's place among the ready ones. */
type Place = { at: number; plan_id: string; step_id: string };

/** The `n`th that was looked at; not stranded is the last of them, when it has its message or its plan stands still. */
type Found = Place & Pick<StepRow, "attempt" | "announced_at"> & { n: number; is_stranded: number | boolean };

const start: Place = { at: Number.MIN_SAFE_INTEGER, plan_id: "", step_id: "" };

type Bounds = {
  /** Steps that one sweep looks at. */
  looks: number;
  /** Steps that one sweep announces. */
  batch: number;
};

/** Those without a message among the next `looks` steps, and the last of these when there were so many. */
async function lookOn(engine: Engine, { at, plan_id, step_id }: Place, looks: number): Promise<Found[]> {
  // NOTE: written out as the index has it, so that it serves whatever a server plans for any value.
  const place = sql`coalesce(announced_at, ready_at)`;
  // A file keeps no statistics, and without them it would sort all ready steps each time.
  const hint = engine.store.hasOneWriter ? sql`indexed by step_announced` : sql``;
  const { rows } = await sql<Found>`
    with page as (
      select ${place} as at, plan_id, step_id, attempt, announced_at,
        row_number() over (order by ${place}, plan_id, step_id) as n
      from step ${hint}
      where status = 'ready' and ${place} <= ${storeTime(engine, -jobEngineLimits.reemitAfterMs)} and ${place} >= ${at}
        and (${place} > ${at} or plan_id > ${plan_id} or (plan_id = ${plan_id} and step_id > ${step_id}))
      order by ${place}, plan_id, step_id limit ${sql.lit(looks)}
    ), found as (
      select page.*, not exists (
        select 1 from outbox where outbox.plan_id = page.plan_id and outbox.step_id = page.step_id
      ) and (select status from plan where plan.id = page.plan_id) in ('draft', 'pending', 'running') as is_stranded
      from page
    )
    select * from found where is_stranded or n = ${sql.lit(looks)} order by n
  `.execute(engine.store.read);
  return rows;
}

export function createReadySweep(
  engine: Engine,
  { looks, batch }: Bounds = { looks: jobEngineLimits.reemitLooks, batch: jobEngineLimits.sweepBatch },
): () => Promise<void> {
  let after = start;
  return async function sweepReady() {
    const found = await lookOn(engine, after, looks);
    const stranded = found.filter(({ is_stranded: isStranded }) => Boolean(isStranded));
    const now = stranded.slice(0, batch);
    const last = stranded.length > now.length ? now.at(-1) : found.find(({ n }) => n === looks);
    after = last ?? start;
    await announceEach(engine, now);
  };
}
