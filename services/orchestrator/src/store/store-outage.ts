// Tells that the database was away from what is wrong with a change.
import { AgentError } from "@ossaat/contracts";

/** Reasons in the details of an error of the store. */
export const outageReasons = {
  /** Nothing was changed. */
  connectionLost: "connection_lost",
  /** The answer to a commit was lost: the change may be there. */
  commitUnknown: "commit_unknown",
} as const;

const reasons: ReadonlySet<unknown> = new Set(Object.values(outageReasons));

/** Whether the store could not be reached: what was tried is nobody's mistake, and can be tried again. */
export function isStoreOutage(thrown: unknown): boolean {
  return thrown instanceof AgentError && reasons.has(thrown.details["reason"]);
}
