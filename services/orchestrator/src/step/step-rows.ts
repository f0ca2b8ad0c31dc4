// Statements over the step table, one per function.
import type { StepStatus } from "@ossaat/contracts";

import { stepKinds } from "../job/step-kinds.ts";
import type { Reader, Tx } from "../store/store.ts";
import { statement } from "../store/statement.ts";
import type { Slots, Statement } from "../store/statement.ts";
import type { StepRow } from "../store/tables.ts";

const selectSteps = statement((db, { planId }: Slots<{ planId: string }>) =>
  db.selectFrom("step").selectAll().where("plan_id", "=", planId).orderBy("step_id"),
);

/** What it takes to open a step and to announce it. */
export type StepState = Pick<
  StepRow,
  "plan_id" | "step_id" | "kind" | "kind_version" | "pool" | "status" | "attempt" | "ready_at"
>;

/** The steps of a plan without their results, which can be long. */
export const stepStates = statement((db, { planId }: Slots<{ planId: string }>) =>
  db
    .selectFrom("step")
    .select(["plan_id", "step_id", "kind", "kind_version", "pool", "status", "attempt", "ready_at"])
    .where("plan_id", "=", planId)
    .orderBy("step_id"),
);

export async function listSteps(db: Tx | Reader, planId: string): Promise<StepRow[]> {
  return selectSteps(db, { planId });
}

export async function getStep(db: Tx | Reader, planId: string, stepId: string): Promise<StepRow | undefined> {
  return db
    .selectFrom("step")
    .selectAll()
    .where("plan_id", "=", planId)
    .where("step_id", "=", stepId)
    .executeTakeFirst();
}

export type NewStep = {
  planId: string;
  stepId: string;
  kind: "planning" | "agent" | "merge" | "finish";
  status: StepStatus;
  effectClass: string;
};

/** The one pool there is until workers specialise. */
export const defaultPool = "default";

export async function insertStep(tx: Tx, step: NewStep): Promise<StepRow> {
  return tx
    .insertInto("step")
    .values({
      plan_id: step.planId,
      step_id: step.stepId,
      kind: step.kind,
      kind_version: stepKinds[step.kind],
      pool: defaultPool,
      status: step.status,
      reason: null,
      attempt: 1,
      failures: 0,
      silent_count: 0,
      away_count: 0,
      lost_count: 0,
      fence: 0,
      ready_at: null,
      announced_at: null,
      waiting_since: null,
      lease_owner: null,
      lease_until: null,
      effect_class: step.effectClass,
      intent_call_id: null,
      reserved_tokens: 0,
      reserved_cost_usd: 0,
      head: null,
      result_json: null,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
}

type LeavingSet = Partial<
  Pick<StepRow, "status" | "reason" | "attempt" | "failures" | "lost_count" | "head" | "result_json" | "waiting_since">
>;

type Leaving = Statement<{ planId: string; stepId: string } & LeavingSet, unknown>;

/** By the names of the columns that are set: these make the text of the statement. */
const leavings = new Map<string, Leaving>();

function leavingStatement(names: readonly (keyof LeavingSet)[]): Leaving {
  return statement((db, slots: Slots<{ planId: string; stepId: string } & LeavingSet>) =>
    db
      .updateTable("step")
      .set((eb) => ({
        ...Object.fromEntries(names.map((name) => [name, slots[name]])),
        lease_owner: null,
        lease_until: null,
        fence: eb("fence", "+", 1),
      }))
      .where("plan_id", "=", slots.planId)
      .where("step_id", "=", slots.stepId),
  );
}

/** Columns that end or interrupt a running attempt; the lease is given up with them. */
export async function leaveRunning(tx: Tx, key: { planId: string; stepId: string }, set: LeavingSet): Promise<void> {
  const names = Object.keys(set).sort() as (keyof LeavingSet)[];
  const text = names.join();
  const known = leavings.get(text) ?? leavingStatement(names);
  leavings.set(text, known);
  await known(tx, { planId: key.planId, stepId: key.stepId, ...set });
}

type AttemptEnd = {
  planId: string;
  stepId: string;
  attempt: number;
  now: number;
  outcome: string;
  errorCode: string | null;
};

const closeAttempt = statement((db, end: Slots<AttemptEnd>) =>
  db
    .updateTable("attempt")
    .set({ ended_at: end.now, outcome: end.outcome, error_code: end.errorCode })
    .where("plan_id", "=", end.planId)
    .where("step_id", "=", end.stepId)
    .where("attempt", "=", end.attempt)
    .where("ended_at", "is", null),
);

/** Records how an attempt ended; the first record stands. */
export async function endAttempt(
  tx: Tx,
  key: { planId: string; stepId: string; attempt: number },
  end: { now: number; outcome: string; errorCode?: string },
): Promise<void> {
  const { planId, stepId, attempt } = key;
  await closeAttempt(tx, { planId, stepId, attempt, ...end, errorCode: end.errorCode ?? null });
}
