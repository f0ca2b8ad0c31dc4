// What follows when a step ends: successors become ready (or ask first), dependants of a bad
// end are skipped, and the last one brings the finish step or the end of the plan.
import { finishStepId, hashStep, isSystemStepId, isTerminalStep } from "@ossaat/contracts";
import type { Plan, PlanStatus, Step } from "@ossaat/contracts";

import { requestStepApproval } from "../approval/request-approval.ts";
import { insertStep, listSteps } from "../step/step-rows.ts";
import type { StepRow } from "../store/tables.ts";
import { dispatchStep } from "./dispatch-step.ts";
import type { Engine, PlanTx } from "./engine.ts";

type Needs = Map<string, string[]>;

async function readNeeds(change: PlanTx): Promise<Needs> {
  const rows = await change.tx.selectFrom("step_dep").selectAll().where("plan_id", "=", change.plan.id).execute();
  const needs: Needs = new Map();
  for (const row of rows) needs.set(row.step_id, [...(needs.get(row.step_id) ?? []), row.needs_step_id]);
  return needs;
}

/**
 * Moves a step to `ready` and announces it. `readyAt` is its place among those that wait: a step that
 * was begun keeps its own.
 */
export async function readyStep(
  engine: Engine,
  change: PlanTx,
  step: StepRow,
  readyAt: number = change.now,
): Promise<void> {
  const { tx } = change;
  await tx
    .updateTable("step")
    .set({ status: "ready", ready_at: readyAt, lease_owner: null, lease_until: null, attempt: step.attempt })
    .where("plan_id", "=", step.plan_id)
    .where("step_id", "=", step.step_id)
    .execute();
  await change.append({ type: "step.readied", stepId: step.step_id, data: {} });
  step.status = "ready";
  step.ready_at = readyAt;
  await announceStep(engine, change, step);
}

/** Writes the outbox row of a ready step. */
export async function announceStep(engine: Engine, change: PlanTx, step: StepRow): Promise<void> {
  await dispatchStep(change.tx, {
    tenantId: change.plan.tenant_id,
    priority: change.plan.priority,
    step,
    now: change.now,
    availableAt: Math.min(step.ready_at ?? change.now, change.now),
    messageId: engine.ids.uuid(),
    traceparent: change.plan.traceparent,
  });
  change.noteMessage();
}

async function skipStep(change: PlanTx, step: StepRow, because: string): Promise<void> {
  await change.tx
    .updateTable("step")
    .set({ status: "skipped", reason: "upstream" })
    .where("plan_id", "=", step.plan_id)
    .where("step_id", "=", step.step_id)
    .execute();
  await change.append({
    type: "step.finished",
    stepId: step.step_id,
    data: { status: "skipped", reason: "upstream", message: `not started, because ${because} did not succeed` },
  });
  step.status = "skipped";
}

function needsGate(step: Step, approved: Record<string, string>): string | undefined {
  if (approved[step.id] !== hashStep(step)) return "the step changed after the plan was approved";
  return step.approvalRequired ? "the plan asks for an approval before this step" : undefined;
}

async function openStep(engine: Engine, change: PlanTx, row: StepRow, step: Step): Promise<void> {
  const approved = JSON.parse(change.plan.approved_json) as Record<string, string>;
  const reason = needsGate(step, approved);
  if (reason === undefined) return readyStep(engine, change, row);
  await requestStepApproval(engine, change, { row, step, reason });
}

const going: readonly PlanStatus[] = ["pending", "running", "paused"];

/** Applies the rules until nothing changes. Call it in the transaction that ended a step. */
export async function advancePlan(engine: Engine, change: PlanTx): Promise<void> {
  const { plan } = change;
  // NOTE: while a new revision is made, nothing of the old one starts or ends the plan.
  if (plan.def_json === null || !going.includes(plan.status)) return;
  const definition = JSON.parse(plan.def_json) as Plan;
  const rows = (await listSteps(change.tx, plan.id)).filter((row) => !isSystemStepId(row.step_id));
  const byId = new Map(rows.map((row) => [row.step_id, row]));
  const needs = await readNeeds(change);
  for (let changed = true; changed;) {
    changed = false;
    for (const row of rows.filter((candidate) => candidate.status === "blocked")) {
      const needed = (needs.get(row.step_id) ?? []).map((id) => byId.get(id));
      const bad = needed.find(
        (need) => need === undefined || (isTerminalStep(need.status) && need.status !== "succeeded"),
      );
      const step = definition.steps.find((candidate) => candidate.id === row.step_id);
      if (bad !== undefined || step === undefined) {
        await skipStep(change, row, `step ${bad?.step_id ?? "definition"}`);
        changed = true;
      } else if (needed.every((need) => need?.status === "succeeded")) {
        await openStep(engine, change, row, step);
        row.status = row.status === "blocked" ? "awaiting_approval" : row.status;
        changed = true;
      }
    }
  }
  if (rows.every((row) => isTerminalStep(row.status))) await startFinish(engine, change);
}

async function startFinish(engine: Engine, change: PlanTx): Promise<void> {
  const existing = (await listSteps(change.tx, change.plan.id)).find((row) => row.step_id === finishStepId);
  if (existing !== undefined) return;
  const row = await insertStep(change.tx, {
    planId: change.plan.id,
    stepId: finishStepId,
    kind: "finish",
    status: "blocked",
    effectClass: "idempotent",
  });
  await readyStep(engine, change, row);
}
