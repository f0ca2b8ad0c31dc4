// Short views of a plan's rows and log, for whole-value comparisons.
import type { PlanEvent } from "@ossaat/contracts";

import { readEvents } from "../event/read-events.ts";
import type { Engine } from "../job/engine.ts";
import type { PlanRow, StepRow } from "../store/tables.ts";
import { listSteps } from "../step/step-rows.ts";

export async function planRowOf({ store }: Engine, planId: string): Promise<PlanRow> {
  return store.read.selectFrom("plan").selectAll().where("id", "=", planId).executeTakeFirstOrThrow();
}

export async function stepRowOf({ store }: Engine, planId: string, stepId: string): Promise<StepRow> {
  const rows = await listSteps(store.read, planId);
  const row = rows.find((candidate) => candidate.step_id === stepId);
  if (row === undefined) throw new Error(`no step ${stepId}`);
  return row;
}

/** `{ plan: status, <step>: "status" or "status: reason" }` */
export async function statusesOf(engine: Engine, planId: string): Promise<Record<string, string>> {
  const rows = await listSteps(engine.store.read, planId);
  const steps = rows.map((row) => [row.step_id, row.reason === null ? row.status : `${row.status}: ${row.reason}`]);
  const { status } = await planRowOf(engine, planId);
  return { plan: status, ...(Object.fromEntries(steps) as Record<string, string>) };
}

/** Events after `afterSeq`, as `type` or `type step`. */
export async function eventsOf(engine: Engine, planId: string, afterSeq = 0): Promise<string[]> {
  const events: PlanEvent[] = await readEvents(engine.store.read, planId, { afterSeq });
  return events.map(({ type, stepId }) => (stepId === undefined ? type : `${type} ${stepId}`));
}

export async function lastSeqOf(engine: Engine, planId: string): Promise<number> {
  return (await planRowOf(engine, planId)).next_seq - 1;
}
