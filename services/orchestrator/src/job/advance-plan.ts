// What follows when a step ends: successors become ready (or ask first), dependants of a bad
// end are skipped, and the last one brings the finish step or the end of the plan.
import { finishStepId, isSystemStepId, isTerminalStep } from "@ossaat/contracts";
import type { PlanStatus, Step } from "@ossaat/contracts";

import { requestStepApproval } from "../approval/request-approval.ts";
import { readDefinition } from "../plan/read-definition.ts";
import { insertStep, stepStates } from "../step/step-rows.ts";
import type { StepState } from "../step/step-rows.ts";
import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { StepRow } from "../store/tables.ts";
import { dispatchStep } from "./dispatch-step.ts";
import type { Engine, PlanTx } from "./engine.ts";

type ReadySet = Pick<StepRow, "plan_id" | "step_id" | "attempt" | "ready_at" | "announced_at" | "waiting_since">;

const setReady = statement((db, row: Slots<ReadySet>) =>
  db
    .updateTable("step")
    .set({
      status: "ready",
      ready_at: row.ready_at,
      announced_at: row.announced_at,
      waiting_since: row.waiting_since,
      lease_owner: null,
      lease_until: null,
      attempt: row.attempt,
    })
    .where("plan_id", "=", row.plan_id)
    .where("step_id", "=", row.step_id),
);

const setAnnounced = statement((db, row: Slots<Pick<StepRow, "plan_id" | "step_id" | "announced_at">>) =>
  db
    .updateTable("step")
    .set({ announced_at: row.announced_at })
    .where("plan_id", "=", row.plan_id)
    .where("step_id", "=", row.step_id),
);

/**
 * Moves a step to `ready` and announces it. `readyAt` is its place among those that wait: a step that
 * was begun keeps its own.
 */
export async function readyStep(
  engine: Engine,
  change: PlanTx,
  step: StepState,
  readyAt: number = change.now,
): Promise<void> {
  const { plan_id, step_id, attempt } = step;
  const { now } = change;
  await setReady(change.tx, { plan_id, step_id, attempt, ready_at: readyAt, announced_at: now, waiting_since: now });
  await change.append({ type: "step.readied", stepId: step.step_id, data: {} });
  step.status = "ready";
  step.ready_at = readyAt;
  await writeMessage(engine, change, step, false);
}

/** Announces a step that is ready already. */
export async function announceStep(engine: Engine, change: PlanTx, step: StepState): Promise<void> {
  const { plan_id, step_id } = step;
  await setAnnounced(change.tx, { plan_id, step_id, announced_at: change.now });
  await writeMessage(engine, change, step, true);
}

/** Writes the outbox row of a ready step; those of a paused plan are announced when it goes on. */
async function writeMessage(engine: Engine, change: PlanTx, step: StepState, isRepeated: boolean): Promise<void> {
  if (change.plan.status === "paused") return;
  await dispatchStep(change.tx, {
    tenantId: change.plan.tenant_id,
    priority: change.plan.priority,
    step,
    now: change.now,
    availableAt: Math.min(step.ready_at ?? change.now, change.now),
    messageId: engine.ids.uuid(),
    isRepeated,
    traceparent: change.plan.traceparent,
  });
  change.noteMessage();
}

async function skipStep(change: PlanTx, step: StepState, because: string): Promise<void> {
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

function needsGate(step: Step, hash: string, approved: Record<string, string>): string | undefined {
  if (approved[step.id] !== hash) return "the step changed after the plan was approved";
  return step.approvalRequired ? "the plan asks for an approval before this step" : undefined;
}

async function openStep(
  engine: Engine,
  change: PlanTx,
  { row, step, hash }: { row: StepState; step: Step; hash: string },
): Promise<void> {
  const approved = JSON.parse(change.plan.approved_json) as Record<string, string>;
  const reason = needsGate(step, hash, approved);
  if (reason === undefined) return readyStep(engine, change, row);
  await requestStepApproval(engine, change, { row, step, reason });
}

const going: readonly PlanStatus[] = ["pending", "running", "paused"];

/**
 * Applies the rules until nothing changes. Call it in the transaction that ended a step.
 * @param states the plan's steps as they are in this transaction; absent = they are read
 */
export async function advancePlan(engine: Engine, change: PlanTx, states?: StepState[]): Promise<void> {
  const { plan } = change;
  // NOTE: while a new revision is made, nothing of the old one starts or ends the plan.
  if (plan.def_json === null || !going.includes(plan.status)) return;
  const definition = readDefinition(plan.def_json);
  const all = states ?? (await stepStates(change.tx, { planId: plan.id }));
  const rows = all.filter((row) => !isSystemStepId(row.step_id));
  const byId = new Map(rows.map((row) => [row.step_id, row]));
  for (let changed = true; changed;) {
    changed = false;
    for (const row of rows.filter((candidate) => candidate.status === "blocked")) {
      const step = definition.steps.get(row.step_id);
      const needed = (step?.needs ?? []).map((id) => byId.get(id));
      const bad = needed.find(
        (need) => need === undefined || (isTerminalStep(need.status) && need.status !== "succeeded"),
      );
      if (bad !== undefined || step === undefined) {
        await skipStep(change, row, `step ${bad?.step_id ?? "definition"}`);
        changed = true;
      } else if (needed.every((need) => need?.status === "succeeded")) {
        await openStep(engine, change, { row, step, hash: definition.hashOf(step) });
        row.status = row.status === "blocked" ? "awaiting_approval" : row.status;
        changed = true;
      }
    }
  }
  const hasFinish = all.some((row) => row.step_id === finishStepId);
  if (!hasFinish && rows.every((row) => isTerminalStep(row.status))) await startFinish(engine, change);
}

async function startFinish(engine: Engine, change: PlanTx): Promise<void> {
  const row = await insertStep(change.tx, {
    planId: change.plan.id,
    stepId: finishStepId,
    kind: "finish",
    status: "blocked",
    effectClass: "idempotent",
  });
  await readyStep(engine, change, row);
}
