// Branded identifiers. An id is validated here before it becomes part of a path, a queue
// key or SQL.
import { z } from "zod";

const planIdPattern = /^plan-(?:[0-9a-f]{8}|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})$/;
const stepIdPattern = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}$/;
const nameIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** `plan-` + UUIDv4; readers also take the older `plan-` + 8 hex digits. */
export const PlanId = z.string().regex(planIdPattern, "expected plan-<uuid>").brand<"PlanId">();
export type PlanId = z.infer<typeof PlanId>;

/** 1 to 64 of `[A-Za-z0-9._-]`, never `.` or `..`. Ids that begin with `plan.` are reserved for planning rounds. */
export const StepId = z.string().regex(stepIdPattern, "expected 1-64 of A-Za-z0-9._-").brand<"StepId">();
export type StepId = z.infer<typeof StepId>;

/** Names one approval request. */
export const ApprovalId = z.string().regex(nameIdPattern).brand<"ApprovalId">();
export type ApprovalId = z.infer<typeof ApprovalId>;

/** Names one sandbox-visible working tree of a tool runner. */
export const WorkspaceId = z.string().regex(nameIdPattern).brand<"WorkspaceId">();
export type WorkspaceId = z.infer<typeof WorkspaceId>;

/** Lower-case SHA-256 in hex. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
export type Sha256 = z.infer<typeof Sha256>;

/** RFC 3339 UTC time. */
export const Timestamp = z.iso.datetime();
export type Timestamp = z.infer<typeof Timestamp>;

/** Step id of the n-th planning round (1-based). */
export function planningStepId(round: number): StepId {
  return `plan.${round}` as StepId;
}

/** Step id of the last system step: it publishes the branch and writes the evidence. */
export const finishStepId = "plan.finish" as StepId;

/** Whether a step id names a planning round. */
export function isPlanningStepId(stepId: string): boolean {
  return /^plan\.\d+$/.test(stepId);
}

/** Whether a step id names a step of the platform rather than one of the plan. */
export function isSystemStepId(stepId: string): boolean {
  return stepId.startsWith("plan.");
}
