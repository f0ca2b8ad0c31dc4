// Stores what a planning step proposed, in the transaction that ends the step.
import { isSystemStepId, isTerminalStep } from "@ossaat/contracts";
import type { SealedPlan, Step } from "@ossaat/contracts";

import { voidApprovals } from "../approval/void-approvals.ts";
import { releaseReservation } from "../job/budget.ts";
import { changeClaimed } from "../job/claim-step.ts";
import { cancelledStep, endBadly, keyOf } from "../job/end-step.ts";
import type { Claim, Engine, PlanTx } from "../job/engine.ts";
import { endAttempt, leaveRunning, listSteps } from "../step/step-rows.ts";
import { putRevision } from "./put-revision.ts";

/** Steps of the newest revision that finished well: a new revision builds on them. */
export async function finishedSteps(engine: Engine, claim: Claim): Promise<Step[]> {
  if (claim.plan.def_json === null) return [];
  const plan = JSON.parse(claim.plan.def_json) as SealedPlan;
  const rows = await listSteps(engine.store.read, claim.planId);
  const done = new Set(
    rows.filter((row) => isTerminalStep(row.status) && row.status === "succeeded").map((row) => row.step_id),
  );
  return plan.steps.filter((step) => done.has(step.id));
}

/** Steps of the revision before that still run make room; their work so far is not part of the new one. */
async function stopReplaced(engine: Engine, change: PlanTx): Promise<string[]> {
  const stopped: string[] = [];
  for (const step of await listSteps(change.tx, change.plan.id)) {
    if (isSystemStepId(step.step_id) || !["running", "backoff", "needs_reconcile"].includes(step.status)) continue;
    if (step.status === "running") stopped.push(step.step_id);
    // What became of its effect need not be known: it is not done again.
    await voidApprovals(change, { stepId: step.step_id });
    await endBadly(engine, change, step, {
      reason: "replanned",
      code: "cancelled",
      message: "a new revision of the plan takes its place",
      retryable: false,
    });
  }
  return stopped;
}

/** Stores the proposal, unless the plan was cancelled meanwhile. @throws LeaseLost */
export async function proposePlan(
  engine: Engine,
  claim: Claim,
  { plan, summary }: { plan: SealedPlan; summary: string },
): Promise<void> {
  const key = keyOf(claim);
  const stopped = await changeClaimed(engine, claim, async (change, step) => {
    if (change.plan.cancel_at !== null) {
      await endBadly(engine, change, step, cancelledStep);
      return [];
    }
    const replaced = await stopReplaced(engine, change);
    await releaseReservation(change.tx, step);
    await leaveRunning(change.tx, key, { status: "succeeded" });
    await endAttempt(change.tx, key, { now: change.now, outcome: "succeeded" });
    const { stepId, attempt } = key;
    await change.append({ type: "step.finished", stepId, attempt, data: { status: "succeeded", result: { summary } } });
    await putRevision(change, { plan, origin: "planner" });
    await change.tx.updateTable("plan").set({ status: "awaiting_approval" }).where("id", "=", claim.planId).execute();
    return replaced;
  });
  for (const stepId of stopped) engine.signalCancel(claim.planId, stepId);
}
