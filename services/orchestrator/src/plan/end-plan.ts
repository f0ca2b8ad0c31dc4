// Ends a plan, in the caller's transaction: everything open is closed with it.
import { isTerminalStep } from "@ossaat/contracts";
import type { EventData, StepId } from "@ossaat/contracts";

import { voidApprovals } from "../approval/void-approvals.ts";
import { releaseReservation } from "../job/budget.ts";
import type { PlanTx } from "../job/engine.ts";
import { endAttempt, leaveRunning, listSteps } from "../step/step-rows.ts";
import type { StepRow } from "../store/tables.ts";

async function closeStep(change: PlanTx, step: StepRow, status: "skipped" | "cancelled"): Promise<void> {
  const stepId = step.step_id as StepId;
  const reason = status === "skipped" ? ("upstream" as const) : ("cancelled" as const);
  await releaseReservation(change.tx, step);
  const key = { planId: step.plan_id, stepId, attempt: step.attempt };
  await endAttempt(change.tx, key, { now: change.now, outcome: status });
  await leaveRunning(change.tx, key, { status, reason });
  await change.append({ type: "step.finished", stepId, data: { status, reason, message: "the plan ended" } });
}

/** Closes steps, questions, timers and messages of a plan that ends. A worker still at it is fenced out. */
export async function closePlan(change: PlanTx): Promise<void> {
  const { tx, plan } = change;
  await voidApprovals(change, {});
  for (const step of await listSteps(tx, plan.id)) {
    if (!isTerminalStep(step.status))
      await closeStep(change, step, step.status === "blocked" ? "skipped" : "cancelled");
  }
  await tx.deleteFrom("timer").where("plan_id", "=", plan.id).execute();
  await tx.deleteFrom("outbox").where("plan_id", "=", plan.id).execute();
}

export async function endPlan(change: PlanTx, end: EventData<"plan.finished">): Promise<void> {
  const { tx, now, plan } = change;
  await closePlan(change);
  await tx.updateTable("plan").set({ status: end.status, finished_at: now }).where("id", "=", plan.id).execute();
  plan.status = end.status;
  await change.append({ type: "plan.finished", data: end });
}
