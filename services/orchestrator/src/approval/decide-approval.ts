// T10: a person answers. The first valid decision wins; the same answer again is fine, another
// one is `conflict`; an answer to a question that changed or expired decides nothing.
import { AgentError, ApprovalDecision, statusText } from "@ossaat/contracts";
import type { Actor, ApprovalId, DecisionMeans, PlanStatus } from "@ossaat/contracts";

import { readyStep } from "../job/advance-plan.ts";
import { endBadly } from "../job/end-step.ts";
import { changePlan } from "../job/engine.ts";
import type { Engine, PlanTx } from "../job/engine.ts";
import { requestRevision } from "../plan/request-revision.ts";
import { getStep } from "../step/step-rows.ts";
import type { ApprovalRow, StepRow } from "../store/tables.ts";
import { waitingStatus } from "./request-approval.ts";

type Answer = {
  status: "granted" | "denied";
  scope: "once" | "step" | "run" | null;
  feedback: string | null;
  replan: boolean;
  means: DecisionMeans | undefined;
};

function toAnswer(decision: ApprovalDecision): Answer {
  switch (decision.decision) {
    case "approve":
      return { status: "granted", scope: decision.scope, feedback: null, replan: false, means: decision.means };
    case "deny":
      return {
        status: "denied",
        scope: null,
        feedback: decision.feedback ?? null,
        replan: false,
        means: decision.means,
      };
    case "replan":
      return { status: "denied", scope: null, feedback: decision.feedback, replan: true, means: undefined };
  }
}

function checkOpen(row: ApprovalRow, decision: ApprovalDecision, answer: Answer, now: number): "decide" | "repeat" {
  if (row.request_hash !== decision.requestHash) {
    throw new AgentError("conflict", "The request is not the one you were shown.", {
      details: { requestHash: row.request_hash, next: `run \`ossaat show ${row.plan_id}\` and decide again` },
    });
  }
  const isSame = row.status === answer.status && row.scope === answer.scope && row.feedback === answer.feedback;
  if (isSame) return "repeat";
  if (row.status !== "pending") {
    const by = row.decided_by === null ? "" : ` by ${row.decided_by}`;
    throw new AgentError("conflict", `The request was already ${row.status}${by}.`, {
      details: { status: row.status, next: `run \`ossaat show ${row.plan_id}\`` },
    });
  }
  if (row.expires_at <= now) {
    throw new AgentError("conflict", "The request has expired, which means denied.", {
      details: { next: `ossaat show ${row.plan_id}` },
    });
  }
  return "decide";
}

/** @returns the error of an id that names no request of the caller's tenant */
export function noSuchApproval(approvalId: string): AgentError {
  return new AgentError("not_found", `There is no approval request ${approvalId}.`, {
    details: { next: "`ossaat show PLAN` lists the requests of a plan" },
  });
}

const openPlan: readonly PlanStatus[] = ["pending", "running", "paused"];

async function recordAnswer(change: PlanTx, row: ApprovalRow, answer: Answer): Promise<void> {
  const { tx, now, actor } = change;
  const { status, scope, feedback, means } = answer;
  await tx
    .updateTable("approval")
    .set({ status, scope, feedback, decided_at: now, decided_by: actor.id })
    .where("id", "=", row.id)
    .execute();
  await tx.deleteFrom("timer").where("kind", "=", "approval").where("ref", "=", row.id).execute();
  await change.append({
    type: "approval.decided",
    stepId: row.step_id,
    data: {
      approvalId: row.id as ApprovalId,
      status,
      ...(scope === null ? {} : { scope }),
      ...(means === undefined ? {} : { means }),
      ...(feedback === null ? {} : { feedback }),
      ...(answer.replan ? { replan: true } : {}),
      ...(row.call_id === null ? {} : { callId: row.call_id }),
    },
  });
}

/** Adds the step, as it was shown, to what people approved of the plan. */
async function approveStep(change: PlanTx, row: ApprovalRow): Promise<void> {
  const before = JSON.parse(change.plan.approved_json) as Record<string, string>;
  const approved = JSON.stringify({ ...before, [row.step_id]: row.request_hash });
  await change.tx.updateTable("plan").set({ approved_json: approved }).where("id", "=", row.plan_id).execute();
  change.plan.approved_json = approved;
}

async function applyAnswer(engine: Engine, change: PlanTx, row: ApprovalRow, answer: Answer): Promise<void> {
  const step = await getStep(change.tx, row.plan_id, row.step_id);
  if (step === undefined || step.status !== waitingStatus(row)) {
    throw new AgentError("conflict", "The step no longer waits for an answer.", {
      details: { next: `ossaat show ${row.plan_id}` },
    });
  }
  await recordAnswer(change, row, answer);
  if (answer.replan) return replanFrom(engine, change, step, answer.feedback ?? "");
  if (answer.status === "denied" && row.kind !== "call") {
    return endBadly(engine, change, step, {
      reason: row.kind === "reconcile" ? "needs_reconcile" : "denied",
      code: "policy_denied",
      message: answer.feedback ?? `${change.actor.id} denied the start of the step`,
      retryable: false,
    });
  }
  if (row.kind === "step") await approveStep(change, row);
  await readyStep(engine, change, step);
}

async function replanFrom(engine: Engine, change: PlanTx, step: StepRow, feedback: string): Promise<void> {
  await requestRevision(engine, change, { feedback, replacing: [step.step_id] });
}

/**
 * Decides a pending approval.
 * @throws AgentError not_found, conflict (other hash, already decided otherwise, expired, plan over)
 */
export async function decideApproval(
  engine: Engine,
  {
    approvalId,
    tenantId,
    decision,
    actor,
  }: { approvalId: string; tenantId: string; decision: ApprovalDecision; actor: Actor },
): Promise<{ planId: string; stepId: string; status: "granted" | "denied" }> {
  const parsed = ApprovalDecision.parse(decision);
  const found = await engine.store.read
    .selectFrom("approval")
    .select("plan_id")
    .where("id", "=", approvalId)
    .where("tenant_id", "=", tenantId)
    .executeTakeFirst();
  if (found === undefined) throw noSuchApproval(approvalId);
  return changePlan(engine, { planId: found.plan_id, actor }, async (change) => {
    const row = await change.tx
      .selectFrom("approval")
      .selectAll()
      .where("id", "=", approvalId)
      .executeTakeFirstOrThrow();
    const answer = toAnswer(parsed);
    if (checkOpen(row, parsed, answer, change.now) === "decide") {
      if (!openPlan.includes(change.plan.status)) {
        throw new AgentError(
          "conflict",
          `The plan is ${statusText(change.plan.status)}: nothing waits for this answer.`,
          {
            details: { next: `ossaat show ${change.plan.id}` },
          },
        );
      }
      await applyAnswer(engine, change, row, answer);
    }
    return { planId: row.plan_id, stepId: row.step_id, status: answer.status };
  });
}
