// The exit code of a command from the state of the plan it was about.
import { exitCodes } from "@ossaat/contracts";
import type { EndReason, PlanState } from "@ossaat/contracts";

const denied: readonly EndReason[] = ["denied", "expired", "rejected", "policy"];
const overBudget: readonly EndReason[] = ["budget", "timeout", "limit"];

/** Whether the plan stands still until a person answers. */
export function isParked(state: PlanState): boolean {
  if (state.status === "awaiting_approval" || state.status === "paused") return true;
  if (state.status !== "running" && state.status !== "pending") return false;
  const waits = (step: PlanState["steps"][number]) => step.pendingApprovalId !== undefined;
  const moves = (step: PlanState["steps"][number]) => ["ready", "running", "backoff"].includes(step.status);
  const all = [...state.steps, ...(state.finishing === undefined ? [] : [state.finishing])];
  return all.some(waits) && !all.some(moves);
}

function failureCode({ reason }: PlanState): number {
  if (reason !== undefined && denied.includes(reason)) return exitCodes.denied;
  if (reason !== undefined && overBudget.includes(reason)) return exitCodes.budget;
  return exitCodes.runFailed;
}

/** 0 succeeded and nothing else, 3 failed, 5 denied, 8 over a limit, 9 not at its end, 130 cancelled. */
export function exitCodeOf(state: PlanState): number {
  switch (state.status) {
    case "succeeded":
      return exitCodes.done;
    case "failed":
      return failureCode(state);
    case "rejected":
      return exitCodes.denied;
    case "cancelled":
    case "cancelling":
      return exitCodes.interrupted;
    case "draft":
    case "awaiting_approval":
    case "pending":
    case "running":
    case "paused":
      return exitCodes.awaitingApproval;
  }
}

/** Of a command that makes a plan: 0 when there is one to be read, whatever has become of it since. */
export function exitCodeOfProposal(state: PlanState): number {
  const isThere =
    state.plan !== undefined && ["awaiting_approval", "pending", "running", "paused"].includes(state.status);
  return isThere ? exitCodes.done : exitCodeOf(state);
}
