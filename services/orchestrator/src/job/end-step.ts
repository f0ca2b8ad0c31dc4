// T6, T7 and T11: how an attempt of a step ends. Each is one guarded transaction.
import { isSystemStepId } from "@ossaat/contracts";
import type { EndReason, EventData, StepId, StepResult } from "@ossaat/contracts";

import { requestReconcile } from "../approval/request-approval.ts";
import { toTimestamp } from "../clock.ts";
import { endPlan } from "../plan/end-plan.ts";
import { endAttempt, leaveRunning, listSteps, stepStates } from "../step/step-rows.ts";
import type { StepState } from "../step/step-rows.ts";
import { advancePlan, announceStep } from "./advance-plan.ts";
import { backoffMs } from "./backoff.ts";
import { hasReservation, releaseReservation } from "./budget.ts";
import { capBudget } from "./cap-budget.ts";
import { changeClaimed } from "./claim-step.ts";
import type { Claim, Engine, PlanTx } from "./engine.ts";
import type { Tx } from "../store/store.ts";
import type { PlanRow, StepRow } from "../store/tables.ts";
import { jobEngineLimits } from "./limits.ts";

/** Why an attempt did not succeed, as data. */
export type Failure = {
  reason: EndReason;
  code: string;
  message: string;
  retryable: boolean;
  retryAfterMs?: number | undefined;
  /** The provider named that time; a person is told so. */
  askedByProvider?: boolean | undefined;
  /**
   * The highest fence that the tool runner has seen of the step. One that is higher than that of the lease's
   * holder tells that the database went back, as after a restore: the next attempt's is higher still.
   */
  newestFence?: number | undefined;
  /**
   * What has a limit of its own: `away`, the tool runner could not be reached, which is no failure of the step;
   * `silent`, a provider took the call and did not finish its answer, which took long.
   */
  kind?: "away" | "silent" | undefined;
};

export type StepKey = { planId: string; stepId: StepId; attempt: number };

export function keyOf(claim: Claim): StepKey {
  return { planId: claim.planId, stepId: claim.stepId as StepId, attempt: claim.attempt };
}

function keyOfRow(row: Pick<StepRow, "plan_id" | "step_id" | "attempt">): StepKey {
  return { planId: row.plan_id, stepId: row.step_id as StepId, attempt: row.attempt };
}

/** T6: the step succeeded; successors follow in the same commit. @throws LeaseLost */
export async function completeStep(engine: Engine, claim: Claim, result: StepResult): Promise<void> {
  const key = keyOf(claim);
  const work = async (change: PlanTx, step: StepRow) => {
    const states = await stepStates(change.tx, key);
    if (hasReservation(step)) await releaseReservation(change.tx, step);
    const set = { status: "succeeded" as const, head: result.head ?? null, result_json: JSON.stringify(result) };
    await leaveRunning(change.tx, key, set);
    await endAttempt(change.tx, key, { now: change.now, outcome: "succeeded" });
    await change.append({ type: "step.finished", ...idOf(key), data: { status: "succeeded", result } });
    const { status } = set;
    await afterStepEnd(
      engine,
      change,
      states.map((each) => (each.step_id === key.stepId ? { ...each, status } : each)),
    );
  };
  await changeClaimed(engine, claim, work, (tx) => stepStates.ahead(tx, key));
}

function idOf({ stepId, attempt }: StepKey) {
  return { stepId, attempt };
}

/** Goes on with the plan after a step reached a terminal state. @param states as `advancePlan` takes them */
async function afterStepEnd(engine: Engine, change: PlanTx, states?: StepState[]): Promise<void> {
  if (change.plan.cancel_at === null) {
    await advancePlan(engine, change, states);
    return;
  }
  const rows = await listSteps(change.tx, change.plan.id);
  if (rows.some((row) => row.status === "running")) return;
  await endPlan(change, cancelledPlan);
}

async function raiseFence(tx: Tx, { plan_id: planId, step_id: stepId, fence }: StepRow, to: number): Promise<void> {
  if (to <= fence) return;
  const step = tx.updateTable("step").set({ fence: to }).where("plan_id", "=", planId);
  await step.where("step_id", "=", stepId).execute();
}

/** A plan is cancelled by its row alone: what was cut without that may go well the next time. */
function readFailure(given: Failure, { cancel_at: cancelAt }: Pick<PlanRow, "cancel_at">): Failure {
  if (given.reason !== "cancelled" || cancelAt !== null) return given;
  return { ...given, reason: "tool_failed", retryable: true };
}

/** T7: the attempt failed; it is retried after a backoff or ends the step. @throws LeaseLost */
export async function failStep(engine: Engine, claim: Claim, given: Failure): Promise<void> {
  const key = keyOf(claim);
  await changeClaimed(engine, claim, async (change, step) => {
    const failure = readFailure(given, change.plan);
    const counts = countFailure(step, failure);
    if (failure.newestFence !== undefined) await raiseFence(change.tx, step, failure.newestFence);
    const mayRetry = failure.retryable && isPatient(counts, failure) && change.plan.cancel_at === null;
    if (!mayRetry) return endBadly(engine, change, step, failure);
    const tooLong = waitsTooLong(engine, change, failure);
    if (tooLong !== undefined) return endBadly(engine, change, step, tooLong);
    await endAttempt(change.tx, key, { now: change.now, outcome: "failed", errorCode: failure.code });
    await releaseReservation(change.tx, step);
    if (isUncertain(step)) await askToReconcile(engine, change, step, {});
    else await backOff(engine, change, key, { failure, counts });
  });
}

type Counts = Pick<StepRow, "failures" | "silent_count" | "away_count">;

function countFailure(step: Counts, { kind }: Failure): Counts {
  const { failures, silent_count: silent, away_count: away } = step;
  if (kind === "away") return { failures, silent_count: silent, away_count: away + 1 };
  return { failures: failures + 1, silent_count: silent + (kind === "silent" ? 1 : 0), away_count: away };
}

/** Judged by its own kind: an older version counts a tool runner that is away with the other failures. */
function isPatient({ failures, silent_count: silent, away_count: away }: Counts, { kind }: Failure): boolean {
  const { maxFailures, maxSilentCalls, maxUnreachable } = jobEngineLimits;
  return kind === "away" ? away < maxUnreachable : failures < maxFailures && silent < maxSilentCalls;
}

/** Until when the plan has time; while it is being planned, as much as its run will have. */
function endOfTime(engine: Engine, { plan, now }: PlanTx): number | undefined {
  if (plan.deadline_at !== null) return plan.deadline_at;
  const { budget } = JSON.parse(plan.options_json) as EventData<"plan.created">;
  const { maxMinutes } = capBudget(budget, engine.budgetCaps);
  return maxMinutes === undefined ? undefined : now + maxMinutes * 60_000;
}

/** The end of a step that would have to wait for longer than its plan may last. */
function waitsTooLong(engine: Engine, change: PlanTx, failure: Failure): Failure | undefined {
  const { retryAfterMs, message } = failure;
  const end = endOfTime(engine, change);
  if (retryAfterMs === undefined || end === undefined || change.now + retryAfterMs <= end) return undefined;
  const minutes = (ms: number) => `${Math.ceil(ms / 60_000)} min`;
  const why = `the wait of ${minutes(retryAfterMs)} that was asked for is longer than the plan's time (${minutes(end - change.now)} left)`;
  return { reason: "timeout", code: "limit_exceeded", message: `${why}: ${message}`, retryable: false };
}

/** A call whose effect may happen only once began and has no recorded end. */
export function isUncertain(step: Pick<StepRow, "effect_class" | "intent_call_id">): boolean {
  return step.effect_class === "once" && step.intent_call_id !== null;
}

function uncertainText({ intent_call_id: callId }: Pick<StepRow, "intent_call_id">): string {
  return `whether call ${callId ?? ""} took effect is unknown`;
}

/** Leaves the step to a person: running it again could repeat an effect that may happen only once. */
export async function askToReconcile(
  engine: Engine,
  change: PlanTx,
  step: StepRow,
  set: Partial<Pick<StepRow, "lost_count">>,
): Promise<void> {
  const key = keyOfRow(step);
  await leaveRunning(change.tx, key, { ...set, status: "needs_reconcile", attempt: step.attempt + 1 });
  const message = uncertainText(step);
  await change.append({ type: "step.reconcile_requested", stepId: key.stepId, data: { message } });
  await requestReconcile(engine, change, { row: step, reason: message });
}

async function backOff(
  engine: Engine,
  change: PlanTx,
  key: StepKey,
  { failure, counts }: { failure: Failure; counts: Counts },
): Promise<void> {
  const dueAt = change.now + backoffMs(counts.failures, engine.rng, failure.retryAfterMs);
  await leaveRunning(change.tx, key, { status: "backoff", ...counts, attempt: key.attempt + 1 });
  await addRetryTimer(engine, change, key.stepId, dueAt);
  const error = { code: failure.code, message: failure.message };
  const asked = failure.askedByProvider === true ? { askedBy: "provider" as const } : {};
  await change.append({
    type: "step.backed_off",
    ...idOf(key),
    data: { error, retryAt: toTimestamp(dueAt), ...asked },
  });
}

export async function addRetryTimer(engine: Engine, change: PlanTx, stepId: string, dueAt: number): Promise<void> {
  await change.tx
    .insertInto("timer")
    .values({ id: engine.ids.uuid(), plan_id: change.plan.id, step_id: stepId, kind: "retry", ref: "", due_at: dueAt })
    .execute();
}

function endingOf(step: StepRow, failure: Failure): { reason: EndReason; message: string } {
  const { reason, message } = failure;
  if (!isUncertain(step)) return { reason, message };
  return { reason: "needs_reconcile", message: `${message}; ${uncertainText(step)}` };
}

/** Ends a step failed (or cancelled) and lets the plan go on or end. */
export async function endBadly(engine: Engine, change: PlanTx, step: StepRow, failure: Failure): Promise<void> {
  const key = keyOfRow(step);
  const status = failure.reason === "cancelled" || failure.reason === "replanned" ? "cancelled" : "failed";
  const { reason, message } = endingOf(step, failure);
  await releaseReservation(change.tx, step);
  await endAttempt(change.tx, key, { now: change.now, outcome: status, errorCode: failure.code });
  await leaveRunning(change.tx, key, { status, reason });
  await change.append({ type: "step.finished", ...idOf(key), data: { status, reason, message } });
  if (!isSystemStepId(key.stepId)) return afterStepEnd(engine, change);
  const isCancelled = status === "cancelled" || change.plan.cancel_at !== null;
  await endPlan(change, isCancelled ? cancelledPlan : { status: "failed", reason, message });
}

const cancelledPlan = { status: "cancelled", reason: "cancelled" } as const;

/** How a step ends whose plan is being cancelled. */
export const cancelledStep: Failure = {
  reason: "cancelled",
  code: "cancelled",
  message: "the plan was cancelled",
  retryable: false,
};

/**
 * Gives the step back unharmed, as when the server stops: it is ready again at once, unless the
 * plan is being cancelled or a call's effect is unknown.
 * @throws LeaseLost
 */
export async function releaseStep(engine: Engine, claim: Claim, why: string): Promise<void> {
  const key = keyOf(claim);
  await changeClaimed(engine, claim, async (change, step) => {
    if (change.plan.cancel_at !== null) return endBadly(engine, change, step, cancelledStep);
    await releaseReservation(change.tx, step);
    await endAttempt(change.tx, key, { now: change.now, outcome: "released" });
    if (isUncertain(step)) return askToReconcile(engine, change, step, {});
    const released = { status: "ready" as const, attempt: key.attempt + 1, waiting_since: change.now };
    await leaveRunning(change.tx, key, released);
    await change.append({ type: "step.released", ...idOf(key), data: { reason: why } });
    await announceStep(engine, change, { ...step, ...released });
  });
}
