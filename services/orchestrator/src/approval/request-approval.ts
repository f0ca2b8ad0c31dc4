// Raises durable approval requests. They hold no worker, no lease and no message while they wait.
import { AgentError, ApprovalRequest, hashJson } from "@ossaat/contracts";
import type { Step, StepStatus } from "@ossaat/contracts";

import { toTimestamp } from "../clock.ts";
import type { NewEvent } from "../event/append-events.ts";
import { releaseReservation } from "../job/budget.ts";
import { changeClaimed } from "../job/claim-step.ts";
import type { Claim, Engine, PlanTx } from "../job/engine.ts";
import { endAttempt, leaveRunning } from "../step/step-rows.ts";
import type { StepState } from "../step/step-rows.ts";
import type { ApprovalRow, StepRow } from "../store/tables.ts";
import { approvalLimits } from "./limits.ts";
import { readApprovedStep, stepQuestion } from "./step-question.ts";

/** What is asked, before it has an id and a time. */
export type Question = Pick<
  ApprovalRequest,
  | "kind"
  | "requestHash"
  | "title"
  | "agent"
  | "tool"
  | "argv"
  | "cwd"
  | "inputJson"
  | "diff"
  | "step"
  | "risk"
  | "reason"
  | "reaches"
  | "rule"
  | "policyRules"
>;

async function insertApproval(
  engine: Engine,
  change: PlanTx,
  { stepId, callId, question }: { stepId: string; callId: string | null; question: Question },
): Promise<void> {
  const { tx, now, plan } = change;
  const id = `approval-${engine.ids.short()}`;
  const expiresAt = now + approvalLimits.expiresMs;
  const request = ApprovalRequest.parse({
    ...question,
    approvalId: id,
    planId: plan.id,
    stepId,
    requestedAt: toTimestamp(now),
    expiresAt: toTimestamp(expiresAt),
  });
  await tx
    .insertInto("approval")
    .values({
      id,
      tenant_id: plan.tenant_id,
      plan_id: plan.id,
      step_id: stepId,
      kind: question.kind,
      call_id: callId,
      request_hash: question.requestHash,
      request_json: JSON.stringify(request),
      status: "pending",
      scope: null,
      feedback: null,
      requested_at: now,
      expires_at: expiresAt,
      decided_at: null,
      decided_by: null,
    })
    .execute();
  await tx
    .insertInto("timer")
    .values({ id: engine.ids.uuid(), plan_id: plan.id, step_id: stepId, kind: "approval", ref: id, due_at: expiresAt })
    .execute();
  await change.append({ type: "approval.requested", stepId: stepId, data: { request } });
}

/** Asks whether a step may start; its turn has come. */
export async function requestStepApproval(
  engine: Engine,
  change: PlanTx,
  { row, step, reason }: { row: StepState; step: Step; reason: string },
): Promise<void> {
  await change.tx
    .updateTable("step")
    .set({ status: "awaiting_approval", lease_owner: null, lease_until: null })
    .where("plan_id", "=", row.plan_id)
    .where("step_id", "=", row.step_id)
    .execute();
  row.status = "awaiting_approval";
  const question = stepQuestion(step, { reason, approved: await readApprovedStep(change, step.id) });
  await insertApproval(engine, change, { stepId: row.step_id, callId: null, question });
}

/** Status of a step while a question about it stands. */
export function waitingStatus({ kind }: Pick<ApprovalRow, "kind">): StepStatus {
  return kind === "reconcile" ? "needs_reconcile" : "awaiting_approval";
}

/** Asks whether a step may run again whose last call may have taken effect. */
export async function requestReconcile(
  engine: Engine,
  change: PlanTx,
  { row, reason }: { row: StepRow; reason: string },
): Promise<void> {
  const { plan_id: planId, step_id: stepId, fence, intent_call_id: callId } = row;
  const question: Question = {
    kind: "reconcile",
    requestHash: hashJson({ planId, stepId, fence, callId }),
    title: `Run step ${stepId} again, which was interrupted in an effect that must not happen twice`,
    agent: row.kind,
    risk: "high",
    reason,
    reaches: { paths: [], hosts: [], secrets: [], reversible: false },
  };
  await insertApproval(engine, change, { stepId, callId: null, question });
}

/**
 * Parks a running step behind a question about one call.
 * @throws LeaseLost, AgentError cancelled when nobody would answer any more
 */
export async function parkForCall(
  engine: Engine,
  claim: Claim,
  { callId, question, decided }: { callId: string; question: Question; decided?: NewEvent },
): Promise<void> {
  const key = { planId: claim.planId, stepId: claim.stepId, attempt: claim.attempt };
  await changeClaimed(engine, claim, async (change) => {
    if (change.plan.cancel_at !== null) throw new AgentError("cancelled", "The plan was cancelled.");
    await releaseReservation(change.tx, claim.step);
    await endAttempt(change.tx, key, { now: change.now, outcome: "parked" });
    await leaveRunning(change.tx, key, { status: "awaiting_approval", attempt: claim.attempt + 1 });
    if (decided !== undefined) await change.append(decided);
    await insertApproval(engine, change, { stepId: claim.stepId, callId, question });
  });
}
