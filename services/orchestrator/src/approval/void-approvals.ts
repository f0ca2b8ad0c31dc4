// Closes pending approvals whose question no longer stands.
import type { ApprovalId } from "@ossaat/contracts";

import type { PlanTx } from "../job/engine.ts";

/** Voids pending approvals of the plan, or of one step. */
export async function voidApprovals(change: PlanTx, { stepId }: { stepId?: string }): Promise<void> {
  const { tx, now, plan, actor } = change;
  let query = tx
    .updateTable("approval")
    .set({ status: "void", decided_at: now, decided_by: actor.id })
    .where("plan_id", "=", plan.id)
    .where("status", "=", "pending");
  if (stepId !== undefined) query = query.where("step_id", "=", stepId);
  const rows = await query.returning(["id", "step_id"]).execute();
  for (const row of rows) {
    await change.append({
      type: "approval.decided",
      stepId: row.step_id,
      data: { approvalId: row.id as ApprovalId, status: "void" },
    });
  }
}
