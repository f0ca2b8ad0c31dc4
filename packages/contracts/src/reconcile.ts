// What differs between the plans as they are recorded and what is there, and may be mended.

export type DifferenceKind =
  | "ready_without_message"
  | "lease_over"
  | "backoff_without_timer"
  | "timer_without_step"
  | "plan_without_end"
  | "approval_of_ended_plan"
  | "leftovers_of_ended_plan";

export type Difference = {
  kind: DifferenceKind;
  planId: string;
  /** Absent where it is about the whole plan. */
  stepId?: string;
  /** For a person. */
  detail: string;
};

export type ReconcileResponse = {
  schemaVersion: 1;
  /** Whether they were to be mended. */
  applied: boolean;
  /** With `applied`, `mended` says whether it was not there any more afterwards. */
  differences: (Difference & { mended?: boolean })[];
  /** There may be more than are listed. */
  more: boolean;
};
