// T6, T7 and T11: how an attempt of a step ends. Each is one guarded transaction.
import { isSystemStepId } from "@ossaat/contracts";
import type { EndReason, StepId, StepResult } from "@ossaat/contracts";

import { toTimestamp } from "../clock.ts";
import { endPlan } from "../plan/end-plan.ts";
import { endAttempt, leaveRunning, listSteps } from "../step/step-rows.ts";
import { advancePlan, announceStep } from "./advance-plan.ts";
import { backoffMs } from "./backoff.ts";
import { releaseReservation } from "./budget.ts";
import { changeClaimed } from "./claim-step.ts";
import type { Claim, Engine, PlanTx } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";

/** Why an attempt did not succeed, as data. */
export type Failure = {
  reason: EndReason;
  code: string;
  message: string;
  retryable: boolean;
  retryAfterMs?: number | undefined;
};

export type StepKey = { planId: string; stepId: StepId; attempt: number };

export function keyOf(claim: Claim): StepKey {
  return { planId: claim.planId, stepId: claim.stepId as StepId, attempt: claim.attempt };
}

/** T6: the step succeeded; successors follow in the same commit. @throws LeaseLost */
export async function completeStep(engine: Engine, claim: Claim, result: StepResult): Promise<void> {
  const key = keyOf(claim);
  await changeClaimed(engine, claim, async (change) => {
    await releaseReservation(change.tx, claim.step);
    const set = { status: "succeeded" as const, head: result.head ?? null, result_json: JSON.stringify(result) };
    await leaveRunning(change.tx, key, set);
    await endAttempt(change.tx, key, { now: change.now, outcome: "succeeded" });
    await change.append({ type: "step.finished", ...idOf(key), data: { status: "succeeded", result } });
    await afterStepEnd(engine, change);
  });
}

function idOf({ stepId, attempt }: StepKey) {
  return { stepId, attempt };
}

/** Goes on with the plan after a step reached a terminal state. */
export async function afterStepEnd(engine: Engine, change: PlanTx): Promise<void> {
  if (change.plan.cancel_at === null) {
    await advancePlan(engine, change);
    return;
  }
  const rows = await listSteps(change.tx, change.plan.id);
  if (rows.some((row) => row.status === "running" || row.status === "needs_reconcile")) return;
  await endPlan(change, { status: "cancelled", reason: "cancelled" });
}

/** T7: the attempt failed; it is retried after a backoff or ends the step. @throws LeaseLost */
export async function failStep(engine: Engine, claim: Claim, failure: Failure): Promise<void> {
  const key = keyOf(claim);
  await changeClaimed(engine, claim, async (change) => {
    await releaseReservation(change.tx, claim.step);
    await endAttempt(change.tx, key, { now: change.now, outcome: "failed", errorCode: failure.code });
    const failures = claim.step.failures + 1;
    const mayRetry = failure.retryable && failures < jobEngineLimits.maxFailures && change.plan.cancel_at === null;
    if (mayRetry) await backOff(engine, change, key, { failure, failures });
    else await endBadly(engine, change, key, failure);
  });
}

async function backOff(
  engine: Engine,
  change: PlanTx,
  key: StepKey,
  { failure, failures }: { failure: Failure; failures: number },
): Promise<void> {
  const dueAt = change.now + backoffMs(failures, engine.rng, failure.retryAfterMs);
  await leaveRunning(change.tx, key, { status: "backoff", failures, attempt: key.attempt + 1 });
  await addRetryTimer(engine, change, key.stepId, dueAt);
  const error = { code: failure.code, message: failure.message };
  await change.append({ type: "step.backed_off", ...idOf(key), data: { error, retryAt: toTimestamp(dueAt) } });
}

export async function addRetryTimer(engine: Engine, change: PlanTx, stepId: string, dueAt: number): Promise<void> {
  await change.tx
    .insertInto("timer")
    .values({ id: engine.ids.uuid(), plan_id: change.plan.id, step_id: stepId, kind: "retry", ref: "", due_at: dueAt })
    .execute();
}

/** Ends a step failed (or cancelled) and lets the plan go on or end. */
export async function endBadly(engine: Engine, change: PlanTx, key: StepKey, failure: Failure): Promise<void> {
  const status = failure.reason === "cancelled" || failure.reason === "replanned" ? "cancelled" : "failed";
  await leaveRunning(change.tx, key, { status, reason: failure.reason });
  const data = { status, reason: failure.reason, message: failure.message } as const;
  await change.append({ type: "step.finished", ...idOf(key), data });
  if (isSystemStepId(key.stepId)) {
    const end = status === "cancelled" ? "cancelled" : "failed";
    await endPlan(change, { status: end, reason: failure.reason, message: failure.message });
    return;
  }
  await afterStepEnd(engine, change);
}

/** Gives the step back unharmed, as when the server stops: it is ready again at once. @throws LeaseLost */
export async function releaseStep(engine: Engine, claim: Claim, reason: string): Promise<void> {
  const key = keyOf(claim);
  await changeClaimed(engine, claim, async (change) => {
    await releaseReservation(change.tx, claim.step);
    await endAttempt(change.tx, key, { now: change.now, outcome: "released" });
    const row = await leaveRunning(change.tx, key, {
      status: "ready",
      attempt: key.attempt + 1,
      ready_at: change.now,
    });
    await change.append({ type: "step.released", ...idOf(key), data: { reason } });
    await announceStep(engine, change, row);
  });
}
