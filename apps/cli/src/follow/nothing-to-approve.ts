// The error of a plan that has no revision yet.
import { statusText } from "@ossaat/contracts";
import { AgentError } from "@ossaat/contracts/errors";

/** Nobody can approve what does not exist: the planner still works on it, or it failed. */
export function nothingToApprove({ id, status }: { id: string; status: string }): AgentError {
  return new AgentError("conflict", `${id} has no revision to approve: it is ${statusText(status)}.`, {
    details: { next: `ossaat watch ${id}` },
  });
}
