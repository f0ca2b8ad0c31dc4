// Removes what ended plans have outside of the database. A plan's last step does so itself; what a
// kill or a cancel left is found by the turns that were recorded for the plan.
import { AgentError, isTerminalPlan } from "@ossaat/contracts";
import type { PlanStatus } from "@ossaat/contracts";

import type { StepDeps } from "./step-deps.ts";

export type ClearDeps = Pick<StepDeps, "engine" | "journal" | "workspaces">;

/** Removes the working trees of a plan that succeeded and the recorded turns of any that ended. */
export async function clearPlan(
  { engine, journal, workspaces }: ClearDeps,
  planId: string,
  status: PlanStatus,
): Promise<void> {
  // NOTE: working trees of other plans stay, so that unfinished work can be looked at.
  if (status === "succeeded") {
    await workspaces.remove({ planId }).catch((error: unknown) => {
      engine.log.warn({ planId, problem: AgentError.from(error).message }, "working trees were not removed");
    });
  }
  // Last, because the recorded turns are what an interrupted removal is found by.
  journal.forgetPlan(planId);
}

/** Clears every plan that has ended and still has recorded turns. */
export async function clearEnded(deps: ClearDeps): Promise<void> {
  for (const planId of deps.journal.plans()) {
    const { read } = deps.engine.store;
    const plan = await read.selectFrom("plan").select("status").where("id", "=", planId).executeTakeFirst();
    if (plan !== undefined && isTerminalPlan(plan.status)) await clearPlan(deps, planId, plan.status);
  }
}
