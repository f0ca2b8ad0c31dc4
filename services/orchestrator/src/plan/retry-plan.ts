// A retry is a new plan with the same steps: what succeeded is carried over, the rest runs
// again. The old plan stays as it ended. Asking for it is the approval of the same steps.
import {
  AgentError,
  PlanId,
  RetryPlanRequest,
  StepId,
  hashStep,
  isTerminalPlan,
  sealPlan,
  statusText,
} from "@ossaat/contracts";
import type { Actor, EventData, RunMode, SealedPlan, StepResult } from "@ossaat/contracts";

import { advancePlan } from "../job/advance-plan.ts";
import { inPlanTx } from "../job/engine.ts";
import { capBudget } from "../job/cap-budget.ts";
import type { Engine, PlanTx } from "../job/engine.ts";
import { readStoreTime } from "../job/store-time.ts";
import { toTimestamp } from "../clock.ts";
import { listSteps } from "../step/step-rows.ts";
import type { PlanRow, StepRow } from "../store/tables.ts";
import { checkOpenSteps } from "./check-open-steps.ts";
import { insertPlan, startPlanning } from "./create-plan.ts";
import type { PlanOptions } from "./create-plan.ts";
import { putRevision } from "./put-revision.ts";
import { startDeadline } from "./start-deadline.ts";

function withDependants(plan: SealedPlan, from: string): Set<string> {
  const again = new Set([from]);
  for (let before = -1; before !== again.size;) {
    before = again.size;
    for (const step of plan.steps) if (step.needs.some((need) => again.has(need))) again.add(step.id);
  }
  return again;
}

function checkRetryable(old: PlanRow, plan: SealedPlan | undefined, fromStep: string | undefined): void {
  if (!isTerminalPlan(old.status)) {
    throw new AgentError("conflict", `The plan is ${statusText(old.status)}: only an ended plan can be retried.`, {
      details: { next: `run \`ossaat watch ${old.id}\`, or \`ossaat cancel ${old.id}\` first` },
    });
  }
  if (old.status === "succeeded" && fromStep === undefined) {
    throw new AgentError("conflict", "The plan succeeded: name the step to begin again from with --from.", {
      details: { next: `ossaat retry ${old.id} --from STEP` },
    });
  }
  if (fromStep !== undefined && plan?.steps.some((step) => step.id === fromStep) !== true) {
    throw new AgentError("invalid_input", `The plan has no step "${fromStep}".`, {
      details: { next: `\`ossaat show ${old.id}\` lists its steps` },
    });
  }
}

async function carryOver(change: PlanTx, rows: readonly StepRow[]): Promise<void> {
  for (const row of rows) {
    await change.tx
      .updateTable("step")
      .set({ status: "succeeded", head: row.head, result_json: row.result_json })
      .where("plan_id", "=", change.plan.id)
      .where("step_id", "=", row.step_id)
      .execute();
    const result = JSON.parse(row.result_json ?? "{}") as StepResult;
    const data: EventData<"step.finished"> = { status: "succeeded", result, carried: true };
    await change.append({ type: "step.finished", stepId: StepId.parse(row.step_id), data });
  }
}

/** Approves again what was approved before, by its hash; a step that was edited since asks anew. */
async function approveAgain(
  engine: Engine,
  change: PlanTx,
  { plan, before }: { plan: SealedPlan; before: Record<string, string> },
): Promise<void> {
  const approved = plan.steps.filter((step) => before[step.id] === hashStep(step));
  const stepHashes = Object.fromEntries(approved.map((step) => [step.id, hashStep(step)]));
  const set = { status: "pending" as const, approved_json: JSON.stringify(stepHashes) };
  await change.tx.updateTable("plan").set(set).where("id", "=", change.plan.id).execute();
  Object.assign(change.plan, set);
  await startDeadline(engine, change, plan.budget);
  const comment = "retry of the same steps";
  await change.append({
    type: "plan.approved",
    data: { revision: plan.revision, planHash: plan.planHash, stepHashes, comment },
  });
}

export type RetryInput = {
  old: PlanRow;
  request: RetryPlanRequest;
  actor: Actor;
  /** Mode the server runs in; absent = consumer. */
  runMode?: RunMode | undefined;
};

/** @throws AgentError conflict (not ended), invalid_input (unknown step), rate_limited (unfinished work) */
export async function retryPlan(engine: Engine, input: RetryInput): Promise<{ planId: PlanId }> {
  const { old, request, actor, runMode = "consumer" } = input;
  const { fromStep, budget } = RetryPlanRequest.parse(request);
  const before = old.def_json === null ? undefined : (JSON.parse(old.def_json) as SealedPlan);
  checkRetryable(old, before, fromStep);
  await checkOpenSteps(engine, old.tenant_id);
  const planId = PlanId.parse(`plan-${engine.ids.uuid()}`);
  const oldOptions = JSON.parse(old.options_json) as PlanOptions;
  const options: PlanOptions = {
    ...oldOptions,
    model: old.model,
    runMode,
    budget: capBudget({ ...oldOptions.budget, ...budget }, engine.budgetCaps),
    retryOf: PlanId.parse(old.id),
  };
  // What was approved under other rules is asked again.
  const wasApproved = old.approved_json !== "{}" && (oldOptions.runMode ?? "consumer") === runMode;
  await engine.store.tx(async (tx) => {
    const now = await readStoreTime(engine, tx);
    await insertPlan(engine, tx, { planId, options, actor, now });
    if (before === undefined || !wasApproved) {
      await startPlanning(engine, tx, { planId, options, now });
      return;
    }
    const start = { before, options, old, fromStep };
    await inPlanTx(engine, tx, { planId, actor, work: (change) => startSteps(engine, change, start) });
  });
  engine.bus.wake(planId);
  engine.wakeQueue();
  return { planId };
}

type Start = { before: SealedPlan; options: PlanOptions; old: PlanRow; fromStep: string | undefined };

/** Carries over what succeeded and starts the rest, in the transaction that made the plan. */
async function startSteps(engine: Engine, change: PlanTx, { before, options, old, fromStep }: Start): Promise<void> {
  const rows = await listSteps(change.tx, old.id);
  const again = fromStep === undefined ? new Set<string>() : withDependants(before, fromStep);
  const ids = new Set(before.steps.map(({ id }): string => id));
  const carried = rows.filter((row) => ids.has(row.step_id) && row.status === "succeeded" && !again.has(row.step_id));
  const id = PlanId.parse(change.plan.id);
  const plan = sealPlan({
    ...before,
    id,
    revision: 1,
    createdAt: toTimestamp(change.now),
    budget: options.budget,
  });
  await putRevision(change, { plan, origin: "retry" });
  change.plan.status = "awaiting_approval";
  await approveAgain(engine, change, { plan, before: JSON.parse(old.approved_json) as Record<string, string> });
  await carryOver(change, carried);
  await advancePlan(engine, change);
}
