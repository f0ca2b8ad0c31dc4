// A person decides on a plan. Approving names the hash that was shown; a stale one decides
// nothing.
import { AgentError, hashStep, isTerminalPlan, statusText } from "@ossaat/contracts";
import type { Actor, PlanDecision, PlanStatus, SealedPlan } from "@ossaat/contracts";

import { advancePlan, announceStep } from "../job/advance-plan.ts";
import { changePlan } from "../job/engine.ts";
import type { Engine, PlanTx } from "../job/engine.ts";
import type { Models } from "../provider/models.ts";
import { listSteps } from "../step/step-rows.ts";
import { cancelPlan } from "./cancel-plan.ts";
import { closePlan } from "./end-plan.ts";
import { requestRevision } from "./request-revision.ts";
import { startDeadline } from "./start-deadline.ts";

export type DecidePlanDeps = { engine: Engine; models: Models };

export type DecidePlanInput = { planId: string; decision: PlanDecision; actor: Actor };

function refuse(plan: PlanTx["plan"], verb: string): AgentError {
  return new AgentError("conflict", `The plan is ${statusText(plan.status)}: it cannot be ${verb}.`, {
    details: { status: plan.status, next: `run \`ossaat show ${plan.id}\`` },
  });
}

function checkHash(change: PlanTx, planHash: string | undefined): void {
  if (planHash === undefined || planHash === change.plan.def_hash) return;
  throw new AgentError("conflict", "The plan changed since you read it.", {
    details: {
      planHash: change.plan.def_hash,
      revision: change.plan.revision,
      next: `run \`ossaat show ${change.plan.id}\` and decide again`,
    },
  });
}

function noModel(planId: string): AgentError {
  return new AgentError("conflict", "No model is configured: this plan can be read, but nothing could run it.", {
    details: {
      next: `\`export ANTHROPIC_API_KEY=…\` (or OPENAI_API_KEY), then \`ossaat approve ${planId} --model provider/model\``,
    },
  });
}

type Chosen = { ref: string; scripted: boolean } | undefined;

async function approve(
  engine: Engine,
  change: PlanTx,
  { decision, chosen }: { decision: Extract<PlanDecision, { decision: "approve" }>; chosen: Chosen },
): Promise<void> {
  const { tx, plan } = change;
  checkHash(change, decision.planHash);
  const started: readonly PlanStatus[] = ["pending", "running", "paused", "succeeded"];
  if (started.includes(plan.status)) return;
  if (plan.status !== "awaiting_approval" || plan.def_json === null) throw refuse(plan, "approved");
  const model = chosen?.ref ?? plan.model;
  if (model === null) throw noModel(plan.id);
  const definition = JSON.parse(plan.def_json) as SealedPlan;
  const stepHashes = Object.fromEntries(definition.steps.map((step) => [step.id, hashStep(step)]));
  const set = { status: "pending" as const, approved_json: JSON.stringify(stepHashes), model };
  await tx.updateTable("plan").set(set).where("id", "=", plan.id).execute();
  await startDeadline(engine, change, definition.budget);
  Object.assign(plan, set);
  await change.append({
    type: "plan.approved",
    data: {
      revision: plan.revision,
      planHash: decision.planHash,
      stepHashes,
      ...(decision.comment === undefined ? {} : { comment: decision.comment }),
      ...(decision.means === undefined ? {} : { means: decision.means }),
      ...(chosen === undefined ? {} : { model: chosen.ref, scripted: chosen.scripted }),
    },
  });
  await advancePlan(engine, change);
}

async function reject(change: PlanTx, decision: Extract<PlanDecision, { decision: "reject" }>): Promise<void> {
  const { tx, plan, now } = change;
  checkHash(change, decision.planHash);
  if (plan.status === "rejected") return;
  if (plan.status !== "awaiting_approval") throw refuse(plan, "rejected");
  await closePlan(change);
  await tx.updateTable("plan").set({ status: "rejected", finished_at: now }).where("id", "=", plan.id).execute();
  const { planHash, comment, means } = decision;
  await change.append({
    type: "plan.rejected",
    data: {
      ...(planHash === undefined ? {} : { planHash }),
      ...(comment === undefined ? {} : { comment }),
      ...(means === undefined ? {} : { means }),
    },
  });
}

async function pause(change: PlanTx, reason: string | undefined): Promise<void> {
  if (change.plan.status === "paused") return;
  if (change.plan.status !== "running" && change.plan.status !== "pending") throw refuse(change.plan, "paused");
  await change.tx.updateTable("plan").set({ status: "paused" }).where("id", "=", change.plan.id).execute();
  // What waits of a paused plan would keep its place before others' in the lines of caps. A resume announces it again.
  await change.tx.deleteFrom("outbox").where("plan_id", "=", change.plan.id).execute();
  await change.append({ type: "plan.paused", data: reason === undefined ? {} : { reason } });
}

async function resume(engine: Engine, change: PlanTx): Promise<void> {
  if (change.plan.status === "running") return;
  if (change.plan.status !== "paused") throw refuse(change.plan, "resumed");
  await change.tx.updateTable("plan").set({ status: "running" }).where("id", "=", change.plan.id).execute();
  change.plan.status = "running";
  await change.append({ type: "plan.resumed", data: {} });
  for (const step of await listSteps(change.tx, change.plan.id)) {
    if (step.status === "ready") await announceStep(engine, change, step);
  }
}

async function revise(
  engine: Engine,
  change: PlanTx,
  decision: Extract<PlanDecision, { decision: "revise" }>,
): Promise<void> {
  checkHash(change, decision.planHash);
  const open: readonly PlanStatus[] = ["awaiting_approval", "pending", "running", "paused"];
  if (!open.includes(change.plan.status)) throw refuse(change.plan, "revised");
  await requestRevision(engine, change, { feedback: decision.feedback, replacing: [] });
}

/**
 * Applies a decision.
 * @throws AgentError not_found, conflict (stale hash, illegal change, no model), invalid_input (model)
 */
export async function decidePlan(deps: DecidePlanDeps, { planId, decision, actor }: DecidePlanInput): Promise<void> {
  const { engine, models } = deps;
  const model =
    decision.decision === "approve" && decision.model !== undefined ? await models.resolve(decision.model) : undefined;
  const cancelled = await changePlan(engine, { planId, actor }, async (change) => {
    switch (decision.decision) {
      case "approve":
        await approve(engine, change, { decision, chosen: model });
        return [];
      case "reject":
        await reject(change, decision);
        return [];
      case "revise":
        await revise(engine, change, decision);
        return [];
      case "pause":
        await pause(change, decision.reason);
        return [];
      case "resume":
        await resume(engine, change);
        return [];
      case "cancel":
        if (isTerminalPlan(change.plan.status) && change.plan.status !== "cancelled")
          throw refuse(change.plan, "cancelled");
        return cancelPlan(change, decision.reason);
    }
  });
  for (const stepId of cancelled) engine.signalCancel(planId, stepId);
}
