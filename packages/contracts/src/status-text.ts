// States within a sentence, `it is …`: the words of the log and the API are no English.
import type { PlanStatus, StepStatus } from "./plan-status.ts";

const texts: Readonly<Record<PlanStatus | StepStatus, string>> = {
  draft: "being planned",
  awaiting_approval: "waiting for your approval",
  rejected: "rejected",
  pending: "approved and about to start",
  running: "running",
  paused: "paused",
  cancelling: "being cancelled",
  succeeded: "done",
  failed: "failed",
  cancelled: "cancelled",
  blocked: "waiting for other steps",
  ready: "about to start",
  backoff: "waiting before it tries again",
  needs_reconcile: "waiting for you to look at it",
  skipped: "skipped",
};

/** For example `being planned`, of a plan or step. */
export function statusText(status: string): string {
  return Object.hasOwn(texts, status) ? texts[status as PlanStatus] : status;
}
