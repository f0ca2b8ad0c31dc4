// Reads the log of a plan.
import { foldPlan, parseEvent } from "@ossaat/contracts";
import type { PlanEvent, PlanState } from "@ossaat/contracts";

import { toTimestamp } from "../clock.ts";
import type { Reader } from "../store/store.ts";
import type { EventRow } from "../store/tables.ts";

/** Rows read in one go, so that a long log never fills memory. */
const pageSize = 500;

/** The event a row holds. @throws ZodError */
export function toPlanEvent(row: EventRow): PlanEvent {
  return parseEvent({
    schemaVersion: 1,
    seq: row.seq,
    type: row.type,
    at: toTimestamp(row.at),
    planId: row.plan_id,
    ...(row.step_id === null ? {} : { stepId: row.step_id }),
    ...(row.attempt === null ? {} : { attempt: row.attempt }),
    ...(row.trace_id === null ? {} : { traceId: row.trace_id }),
    actor: JSON.parse(row.actor_json) as unknown,
    data: JSON.parse(row.data_json) as unknown,
  });
}

/** Events after `afterSeq` in order, at most `limit`. */
export async function readEvents(
  read: Reader,
  planId: string,
  { afterSeq = 0, limit = pageSize }: { afterSeq?: number; limit?: number } = {},
): Promise<PlanEvent[]> {
  const rows = await read
    .selectFrom("event")
    .selectAll()
    .where("plan_id", "=", planId)
    .where("seq", ">", afterSeq)
    .orderBy("seq")
    .limit(limit)
    .execute();
  return rows.map(toPlanEvent);
}

/** All events of one step, in order. */
export async function readStepEvents(read: Reader, planId: string, stepId: string): Promise<PlanEvent[]> {
  const rows = await read
    .selectFrom("event")
    .selectAll()
    .where("plan_id", "=", planId)
    .where("step_id", "=", stepId)
    .orderBy("seq")
    .execute();
  return rows.map(toPlanEvent);
}

/** The fold of the whole log; undefined when the plan does not exist. */
export async function readPlanState(read: Reader, planId: string): Promise<PlanState | undefined> {
  let state: PlanState | undefined;
  for (;;) {
    const page = await readEvents(read, planId, { afterSeq: state?.lastSeq ?? 0 });
    for (const event of page) state = foldPlan(state, event);
    if (page.length < pageSize) return state;
  }
}
