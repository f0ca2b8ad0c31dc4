// The one vocabulary of states, in store, events, API and screens.
import { z } from "zod";

export const PlanStatus = z.enum([
  "draft",
  "awaiting_approval",
  "rejected",
  "pending",
  "running",
  "paused",
  "cancelling",
  "succeeded",
  "failed",
  "cancelled",
]);
export type PlanStatus = z.infer<typeof PlanStatus>;

export const StepStatus = z.enum([
  "blocked",
  "ready",
  "awaiting_approval",
  "running",
  "backoff",
  "needs_reconcile",
  "succeeded",
  "failed",
  "skipped",
  "cancelled",
]);
export type StepStatus = z.infer<typeof StepStatus>;

/** Why a step or plan ended badly. */
export const EndReason = z.enum([
  "denied",
  "expired",
  "rejected",
  "cancelled",
  "budget",
  "timeout",
  "limit",
  "loop",
  "poison",
  "provider_failed",
  "tool_failed",
  "plan_invalid",
  "merge_conflict",
  "check_failed",
  "findings",
  "upstream",
  "replanned",
  "needs_reconcile",
  "policy",
  "internal",
]);
export type EndReason = z.infer<typeof EndReason>;

const terminalPlan: readonly PlanStatus[] = ["rejected", "succeeded", "failed", "cancelled"];
const terminalStep: readonly StepStatus[] = ["succeeded", "failed", "skipped", "cancelled"];

/** Terminal states absorb: nothing leaves them. */
export function isTerminalPlan(status: PlanStatus): boolean {
  return terminalPlan.includes(status);
}

export function isTerminalStep(status: StepStatus): boolean {
  return terminalStep.includes(status);
}

const planEdges: Readonly<Record<PlanStatus, readonly PlanStatus[]>> = {
  draft: ["awaiting_approval", "failed", "cancelled", "cancelling"],
  awaiting_approval: ["draft", "pending", "rejected", "cancelled", "cancelling"],
  rejected: [],
  pending: ["running", "paused", "cancelling", "draft"],
  running: ["paused", "succeeded", "failed", "cancelling", "draft"],
  // NOTE: a pause holds back what has not started; what runs may still end the plan.
  paused: ["running", "succeeded", "failed", "cancelling", "draft"],
  cancelling: ["cancelled"],
  succeeded: [],
  failed: [],
  cancelled: [],
};

const stepEdges: Readonly<Record<StepStatus, readonly StepStatus[]>> = {
  // NOTE: succeeded at once is a result that a retry carries over.
  blocked: ["ready", "awaiting_approval", "succeeded", "skipped", "cancelled"],
  ready: ["running", "awaiting_approval", "blocked", "failed", "cancelled"],
  awaiting_approval: ["ready", "blocked", "failed", "cancelled"],
  running: ["succeeded", "ready", "backoff", "failed", "needs_reconcile", "awaiting_approval", "cancelled"],
  backoff: ["ready", "needs_reconcile", "failed", "cancelled"],
  needs_reconcile: ["succeeded", "ready", "failed", "cancelled"],
  succeeded: [],
  failed: [],
  skipped: [],
  cancelled: [],
};

/** Whether the state machine has the edge. */
export function canPlanGo(from: PlanStatus, to: PlanStatus): boolean {
  return planEdges[from].includes(to);
}

export function canStepGo(from: StepStatus, to: StepStatus): boolean {
  return stepEdges[from].includes(to);
}
