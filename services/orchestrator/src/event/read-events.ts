// Reads the log of a plan.
import { foldPlan, isTerminalPlan, parseEvent } from "@ossaat/contracts";
import type { PlanEvent, PlanState } from "@ossaat/contracts";

import type { Nullable } from "kysely";

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

export type LogPage = {
  /** What a reader gets next. */
  events: PlanEvent[];
  /** Whether more of the log stands behind them. */
  hasMore: boolean;
  /** Whether they are all that there will ever be. */
  isWhole: boolean;
};

/** By one statement, so that what it says belongs together. */
export async function readLogPage(
  read: Reader,
  planId: string,
  { afterSeq, limit = pageSize }: { afterSeq: number; limit?: number },
): Promise<LogPage> {
  const rows = await read
    .selectFrom("plan")
    .leftJoin(
      (eb) =>
        eb
          .selectFrom("event")
          .selectAll()
          .where("plan_id", "=", planId)
          .where("seq", ">", afterSeq)
          .orderBy("seq")
          .limit(limit)
          .as("found"),
      (join) => join.onTrue(),
    )
    .select(["plan.status", "plan.next_seq"])
    .selectAll("found")
    .where("plan.id", "=", planId)
    .orderBy("found.seq")
    .execute();
  const [plan] = rows;
  const events = rows.flatMap((row) => (isEventRow(row) ? [toPlanEvent(row)] : []));
  const last = events.at(-1)?.seq ?? afterSeq;
  if (plan === undefined) return { events, hasMore: false, isWhole: true };
  const isRead = last >= plan.next_seq - 1;
  return { events, hasMore: events.length > 0 && !isRead, isWhole: isRead && isTerminalPlan(plan.status) };
}

/** False for the row of a plan without more events. */
function isEventRow<T extends Nullable<EventRow>>(row: T): row is T & EventRow {
  return row.seq !== null;
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
