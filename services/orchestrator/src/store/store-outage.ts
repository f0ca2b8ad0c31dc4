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

/** Reasons of a store that changed nothing this time, because others had the rows that were asked for. */
const contendedReasons: ReadonlySet<unknown> = new Set(["lock_timeout", "statement_timeout", "contention"]);

/** Reasons of a store that is there and takes nothing now: it is full, or a standby takes over. */
const fullReasons: ReadonlySet<unknown> = new Set(["pool_exhausted", "too_many_connections", "read_only"]);

const reasonOf = (thrown: unknown) => (thrown instanceof AgentError ? thrown.details["reason"] : undefined);

/** Whether the store could not be reached: what was tried is nobody's mistake, and can be tried again. */
export function isStoreOutage(thrown: unknown): boolean {
  return reasons.has(reasonOf(thrown));
}

/** Whether the store was there and did nothing of what it was asked for: the same may succeed a moment later. */
export function isStoreBusy(thrown: unknown): boolean {
  return isContended(thrown) || fullReasons.has(reasonOf(thrown));
}

/** Whether others had the rows that were asked for; what asks for other rows may succeed. */
export function isContended(thrown: unknown): boolean {
  return contendedReasons.has(reasonOf(thrown));
}

/** Whether it was the store that failed, and not what was done with it. */
export function isStoreTrouble(thrown: unknown): boolean {
  return isStoreOutage(thrown) || isStoreBusy(thrown);
}
