// Statements over the step table, one per function.
import type { StepStatus } from "@ossaat/contracts";

import type { Reader, Tx } from "../store/store.ts";
import type { StepRow } from "../store/tables.ts";

export async function listSteps(db: Tx | Reader, planId: string): Promise<StepRow[]> {
  return db.selectFrom("step").selectAll().where("plan_id", "=", planId).execute();
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
      pool: defaultPool,
      status: step.status,
      reason: null,
      attempt: 1,
      failures: 0,
      lost_count: 0,
      fence: 0,
      ready_at: null,
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

/** Columns that end or interrupt a running attempt; the lease is given up with them. */
export async function leaveRunning(
  tx: Tx,
  key: { planId: string; stepId: string },
  set: Partial<Pick<StepRow, "status" | "reason" | "attempt" | "failures" | "lost_count" | "head" | "result_json">>,
): Promise<StepRow> {
  return tx
    .updateTable("step")
    .set((eb) => ({ ...set, lease_owner: null, lease_until: null, fence: eb("fence", "+", 1) }))
    .where("plan_id", "=", key.planId)
    .where("step_id", "=", key.stepId)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Records how an attempt ended; the first record stands. */
export async function endAttempt(
  tx: Tx,
  key: { planId: string; stepId: string; attempt: number },
  end: { now: number; outcome: string; errorCode?: string },
): Promise<void> {
  await tx
    .updateTable("attempt")
    .set({ ended_at: end.now, outcome: end.outcome, error_code: end.errorCode ?? null })
    .where("plan_id", "=", key.planId)
    .where("step_id", "=", key.stepId)
    .where("attempt", "=", key.attempt)
    .where("ended_at", "is", null)
    .execute();
}
