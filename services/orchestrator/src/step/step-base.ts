// Which commit a step starts from: where the steps it needs ended.
import { AgentError } from "@ossaat/contracts";
import type { Plan, Step } from "@ossaat/contracts";

import type { StepRow } from "../store/tables.ts";

function headOf(stepId: string, rows: readonly StepRow[]): string {
  const head = rows.find((row) => row.step_id === stepId)?.head;
  if (head === undefined || head === null) throw new AgentError("internal", `Step ${stepId} ended without a commit.`);
  return head;
}

/** The one commit a step starts from. Merge steps start from the plan's base. */
export function stepBase(plan: Plan, step: Step, rows: readonly StepRow[]): string {
  if (step.action === "merge" || step.needs.length === 0) return plan.repository.commit;
  const heads = new Set(step.needs.map((need) => headOf(need, rows)));
  const [only, ...others] = heads;
  if (only === undefined || others.length > 0) {
    throw new AgentError("internal", `Step ${step.id} starts from more than one commit without a merge step.`);
  }
  return only;
}

/** The commits a merge step joins, in plan order. */
export function mergeHeads(plan: Plan, step: Step, rows: readonly StepRow[]): { stepId: string; head: string }[] {
  const order = plan.steps.map(({ id }): string => id);
  return [...step.needs]
    .sort((a, b) => order.indexOf(a) - order.indexOf(b))
    .map((stepId) => ({ stepId, head: headOf(stepId, rows) }));
}

/** The commit the whole plan ended at: where its last steps ended. */
export function finalCommit(plan: Plan, rows: readonly StepRow[]): string {
  const needed = new Set(plan.steps.flatMap((step): string[] => step.needs));
  const heads = new Set(plan.steps.filter(({ id }) => !needed.has(id)).map(({ id }) => headOf(id, rows)));
  const [only, ...others] = heads;
  if (only === undefined || others.length > 0)
    throw new AgentError("internal", "The plan ended at more than one commit.");
  return only;
}
