// Sends a plan back to the planner with a person's words; finished steps stay.
import { AgentError, isSystemStepId, isTerminalStep, planningStepId } from "@ossaat/contracts";

import { voidApprovals } from "../approval/void-approvals.ts";
import { readyStep } from "../job/advance-plan.ts";
import type { Engine, PlanTx } from "../job/engine.ts";
import { requireUnfinished } from "./require-unfinished.ts";
import { insertStep, listSteps } from "../step/step-rows.ts";

/**
 * Starts another planning round. Steps in `replacing`, and those that have not started, make
 * room for the new revision; running ones go on until it is there.
 * @throws AgentError conflict when the plan is about to end or has no model to plan again
 */
export async function requestRevision(
  engine: Engine,
  change: PlanTx,
  { feedback, replacing }: { feedback: string; replacing: readonly string[] },
): Promise<void> {
  const { tx, plan } = change;
  const round = plan.planning_round + 1;
  if (plan.model === null) {
    throw new AgentError("conflict", "This plan was made without a model, which cannot read a wish in words.", {
      details: { next: `ossaat edit ${plan.id}, or make another plan with a more precise goal` },
    });
  }
  await requireUnfinished(change);
  await voidApprovals(change, {});
  for (const step of await listSteps(tx, plan.id)) {
    const makesRoom =
      replacing.includes(step.step_id) || ["ready", "backoff", "awaiting_approval"].includes(step.status);
    if (isSystemStepId(step.step_id) || isTerminalStep(step.status) || !makesRoom) continue;
    await tx
      .updateTable("step")
      .set((eb) => ({ status: "cancelled", reason: "replanned", fence: eb("fence", "+", 1), lease_owner: null }))
      .where("plan_id", "=", plan.id)
      .where("step_id", "=", step.step_id)
      .execute();
    const data = { status: "cancelled", reason: "replanned" } as const;
    await change.append({ type: "step.finished", stepId: step.step_id, data });
  }
  await tx.deleteFrom("outbox").where("plan_id", "=", plan.id).execute();
  await tx.updateTable("plan").set({ status: "draft", planning_round: round }).where("id", "=", plan.id).execute();
  plan.status = "draft";
  await change.append({ type: "plan.revision_requested", data: { feedback, round } });
  const row = await insertStep(tx, {
    planId: plan.id,
    stepId: planningStepId(round),
    kind: "planning",
    status: "blocked",
    effectClass: "pure",
  });
  await readyStep(engine, change, row);
}
