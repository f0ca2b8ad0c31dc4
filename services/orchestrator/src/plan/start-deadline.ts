// The time limit of a run: counted from the approval, so that waiting for a person costs none.
import type { Budget } from "@ossaat/contracts";

import { capBudget } from "../job/cap-budget.ts";
import type { Engine, PlanTx } from "../job/engine.ts";

/** Sets the plan's time limit anew, or takes it away when the budget names none. */
export async function startDeadline(engine: Engine, change: PlanTx, budget: Budget): Promise<void> {
  const { maxMinutes } = capBudget(budget, engine.budgetCaps);
  const { tx, plan, now } = change;
  const dueAt = maxMinutes === undefined ? null : now + Math.ceil(maxMinutes * 60_000);
  await tx.deleteFrom("timer").where("plan_id", "=", plan.id).where("kind", "=", "plan").execute();
  await tx.updateTable("plan").set({ deadline_at: dueAt }).where("id", "=", plan.id).execute();
  plan.deadline_at = dueAt;
  if (dueAt === null) return;
  await tx
    .insertInto("timer")
    .values({ id: engine.ids.uuid(), plan_id: plan.id, step_id: "", kind: "plan", ref: "", due_at: dueAt })
    .execute();
}
