// Ends a plan, in the caller's transaction: everything pending is closed with it.
import type { EventData } from "@ossaat/contracts";

import { voidApprovals } from "../approval/void-approvals.ts";
import type { PlanTx } from "../job/engine.ts";

export async function endPlan(change: PlanTx, end: EventData<"plan.finished">): Promise<void> {
  const { tx, now, plan } = change;
  await voidApprovals(change, {});
  await tx.deleteFrom("timer").where("plan_id", "=", plan.id).execute();
  await tx.deleteFrom("outbox").where("plan_id", "=", plan.id).execute();
  await tx.updateTable("plan").set({ status: end.status, finished_at: now }).where("id", "=", plan.id).execute();
  plan.status = end.status;
  await change.append({ type: "plan.finished", data: end });
}
