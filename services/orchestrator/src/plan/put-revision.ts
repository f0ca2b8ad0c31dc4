// Stores a revision of a plan: the plan's text, the step rows that follow from it, and the
// event. Approvals of changed steps fall with their hash; unchanged steps keep theirs.
import { AgentError, hashStep, isSystemStepId, isTerminalStep, statusText } from "@ossaat/contracts";
import type { EventData, SealedPlan, SealedStep, StepId } from "@ossaat/contracts";

import { voidApprovals } from "../approval/void-approvals.ts";
import type { PlanTx } from "../job/engine.ts";
import { insertStep, listSteps } from "../step/step-rows.ts";
import type { Tx } from "../store/store.ts";
import type { StepRow } from "../store/tables.ts";

/** Statuses in which a step's definition may still change. */
const replaceable: readonly StepRow["status"][] = ["blocked", "ready", "awaiting_approval"];

function previousHashes(defJson: string | null): Map<string, string> {
  if (defJson === null) return new Map();
  const plan = JSON.parse(defJson) as SealedPlan;
  return new Map(plan.steps.map((step) => [step.id, hashStep(step)]));
}

async function replaceNeeds(tx: Tx, planId: string, step: SealedStep): Promise<void> {
  await tx.deleteFrom("step_dep").where("plan_id", "=", planId).where("step_id", "=", step.id).execute();
  if (step.needs.length === 0) return;
  await tx
    .insertInto("step_dep")
    .values(step.needs.map((need) => ({ plan_id: planId, step_id: step.id, needs_step_id: need })))
    .execute();
}

async function putStep(change: PlanTx, row: StepRow | undefined, step: SealedStep): Promise<void> {
  const { tx, plan } = change;
  await replaceNeeds(tx, plan.id, step);
  const kind = step.action === "merge" ? "merge" : "agent";
  if (row === undefined) {
    const effectClass = step.envelope.effect;
    await insertStep(tx, { planId: plan.id, stepId: step.id, kind, status: "blocked", effectClass });
    return;
  }
  await voidApprovals(change, { stepId: step.id });
  await tx.deleteFrom("outbox").where("plan_id", "=", plan.id).where("step_id", "=", step.id).execute();
  await tx
    .updateTable("step")
    .set({ status: "blocked", kind, effect_class: step.envelope.effect, attempt: row.attempt + 1 })
    .where("plan_id", "=", plan.id)
    .where("step_id", "=", step.id)
    .execute();
}

async function dropStep(change: PlanTx, row: StepRow): Promise<void> {
  const { tx, plan } = change;
  const key = { plan_id: plan.id, step_id: row.step_id };
  await tx.deleteFrom("step_dep").where("plan_id", "=", key.plan_id).where("step_id", "=", key.step_id).execute();
  if (isTerminalStep(row.status)) return;
  await voidApprovals(change, { stepId: row.step_id });
  await tx
    .updateTable("step")
    .set({ status: "cancelled", reason: "replanned" })
    .where("plan_id", "=", plan.id)
    .where("step_id", "=", row.step_id)
    .execute();
  const data = { status: "cancelled", reason: "replanned" } as const;
  await change.append({ type: "step.finished", stepId: row.step_id, data });
}

function refuseStarted(row: StepRow): AgentError {
  return new AgentError(
    "conflict",
    `Step ${row.step_id} is ${statusText(row.status)}: only steps that have not started can change.`,
    {
      details: { next: "change other steps, or `ossaat cancel PLAN`" },
    },
  );
}

/**
 * Makes `plan` the newest revision.
 * @throws AgentError conflict when a step that has started would change or vanish.
 */
export async function putRevision(
  change: PlanTx,
  { plan: next, origin }: { plan: SealedPlan; origin: EventData<"plan.proposed">["origin"] },
): Promise<void> {
  const { tx, plan } = change;
  const rows = (await listSteps(tx, plan.id)).filter((row) => !isSystemStepId(row.step_id));
  const byId = new Map(rows.map((row) => [row.step_id, row]));
  const before = previousHashes(plan.def_json);
  const kept = new Set(next.steps.map((step): string => step.id));
  const changedSteps: StepId[] = [];
  for (const row of rows.filter((candidate) => !kept.has(candidate.step_id))) {
    if (!replaceable.includes(row.status) && !isTerminalStep(row.status)) throw refuseStarted(row);
    await dropStep(change, row);
  }
  for (const step of next.steps) {
    if (before.get(step.id) === step.stepHash && byId.has(step.id)) continue;
    const row = byId.get(step.id);
    if (row !== undefined && !replaceable.includes(row.status)) throw refuseStarted(row);
    changedSteps.push(step.id);
    await putStep(change, row, step);
  }
  await tx
    .updateTable("plan")
    .set({ def_json: JSON.stringify(next), def_hash: next.planHash, revision: next.revision })
    .where("id", "=", plan.id)
    .execute();
  Object.assign(plan, { def_json: JSON.stringify(next), def_hash: next.planHash, revision: next.revision });
  const { planHash, planner } = next;
  await change.append({ type: "plan.proposed", data: { plan: next, planHash, origin, planner, changedSteps } });
}
