// T11: everything that does not run ends in this commit; what runs is asked to stop and has
// a grace.
import { isTerminalStep } from "@ossaat/contracts";

import { voidApprovals } from "../approval/void-approvals.ts";
import type { PlanTx } from "../job/engine.ts";
import { listSteps } from "../step/step-rows.ts";
import { endPlan } from "./end-plan.ts";

/** Returns the ids of steps that still run and must be asked to stop. */
export async function cancelPlan(change: PlanTx, reason: string | undefined): Promise<string[]> {
  const { tx, now, plan } = change;
  if (plan.cancel_at !== null || plan.status === "cancelled") return [];
  await tx.updateTable("plan").set({ status: "cancelling", cancel_at: now }).where("id", "=", plan.id).execute();
  plan.cancel_at = now;
  plan.status = "cancelling";
  await change.append({ type: "plan.cancel_requested", data: reason === undefined ? {} : { reason } });
  await voidApprovals(change, {});
  const running: string[] = [];
  for (const step of await listSteps(tx, plan.id)) {
    if (isTerminalStep(step.status)) continue;
    if (step.status === "running") {
      running.push(step.step_id);
      continue;
    }
    await tx
      .updateTable("step")
      .set({ status: "cancelled", reason: "cancelled" })
      .where("plan_id", "=", plan.id)
      .where("step_id", "=", step.step_id)
      .execute();
    const data = { status: "cancelled", reason: "cancelled" } as const;
    await change.append({ type: "step.finished", stepId: step.step_id, data });
  }
  await tx.deleteFrom("outbox").where("plan_id", "=", plan.id).execute();
  if (running.length === 0) {
    await endPlan(change, {
      status: "cancelled",
      reason: "cancelled",
      ...(reason === undefined ? {} : { message: reason }),
    });
  }
  return running;
}
