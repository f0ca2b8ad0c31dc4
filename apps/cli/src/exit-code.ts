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

/** 0 succeeded, 3 failed, 5 denied, 8 over a limit, 9 waits for a person, 130 cancelled. */
export function exitCodeOf(state: PlanState): number {
  if (state.status === "succeeded") return exitCodes.done;
  if (state.status === "cancelled") return exitCodes.interrupted;
  if (state.status === "rejected") return exitCodes.denied;
  if (state.status === "failed") {
    if (state.reason !== undefined && denied.includes(state.reason)) return exitCodes.denied;
    if (state.reason !== undefined && overBudget.includes(state.reason)) return exitCodes.budget;
    return exitCodes.runFailed;
  }
  return isParked(state) ? exitCodes.awaitingApproval : exitCodes.done;
}
