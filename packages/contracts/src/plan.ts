// The plan: a DAG of steps with envelopes, and the hashes an approval binds to.
import { z } from "zod";

import { AgentCapability } from "./capability.ts";
import { Budget, Envelope } from "./envelope.ts";
import { hashJson } from "./hash.ts";
import { PlanId, Sha256, StepId, Timestamp } from "./ids.ts";

export const planLimits = {
  /** Characters of a goal; longer text belongs in a file of the repository. */
  maxGoalChars: 2_048,
  /** Steps of one plan: beyond this nobody can review it. */
  maxSteps: 64,
  /** Bytes of plan.json, so that an event can carry it whole. */
  maxPlanBytes: 256 * 1024,
} as const;

/** How a step's "done" is proved by the runner; a model's word never counts. */
export const SuccessCheck = z.discriminatedUnion("kind", [
  /** The step changed at least one file, all inside its path globs. */
  z.looseObject({ kind: z.literal("changes") }),
  /** The command exits 0 in the sandbox. */
  z.looseObject({ kind: z.literal("command"), argv: z.array(z.string().max(4_096)).min(1).max(64) }),
  /** The project's own tests pass in the sandbox. */
  z.looseObject({ kind: z.literal("tests") }),
  /** A structured report was filed with the `finish` tool. */
  z.looseObject({ kind: z.literal("report") }),
  /** Needed steps were joined without a remaining conflict. */
  z.looseObject({ kind: z.literal("merged") }),
]);
export type SuccessCheck = z.infer<typeof SuccessCheck>;

/** What a step does. `merge` is run by the platform; the others are agent steps. */
export const StepAction = z.enum(["apply_changes", "merge", "run_tests", "audit"]);
export type StepAction = z.infer<typeof StepAction>;

export const Risk = z.enum(["low", "medium", "high"]);
export type Risk = z.infer<typeof Risk>;

export const Step = z.looseObject({
  id: StepId,
  title: z.string().min(1).max(200),
  action: StepAction,
  /** Agent tool name, `_` for `-`: `code_writer` is the profile `code-writer`. */
  tool: z.string().min(1).max(64),
  agent: z.string().regex(/^[a-z0-9-]{1,64}$/),
  /** Step ids that finish first. */
  needs: z.array(StepId).max(64).default([]),
  capability: AgentCapability,
  capabilityLabel: z.string().max(200),
  labels: z.array(z.string().max(64)).max(16).default([]),
  envelope: Envelope,
  /** Ask again when the step's turn comes, besides the approval of the plan. */
  approvalRequired: z.boolean().default(false),
  /** 0 means the default of the action. */
  timeoutSeconds: z.int().min(0).max(86_400).default(0),
  input: z.record(z.string(), z.unknown()).default({}),
  summary: z.string().max(2_000).optional(),
  rationale: z.string().max(4_000).default(""),
  /** Files it expects to touch, relative paths. */
  files: z.array(z.string().max(512)).max(256).default([]),
  successCheck: SuccessCheck,
  risk: Risk.default("low"),
  reversible: z.boolean().default(true),
  metadata: z.record(z.string(), z.string()).default({}),
  stepHash: Sha256.optional(),
});
export type Step = z.infer<typeof Step>;

export const PlannerKind = z.enum(["model", "context"]);
export type PlannerKind = z.infer<typeof PlannerKind>;

export const Plan = z.looseObject({
  schemaVersion: z.literal(1).default(1),
  id: PlanId,
  revision: z.int().positive(),
  createdAt: Timestamp,
  goal: z.string().min(1).max(planLimits.maxGoalChars),
  summary: z.string().max(4_000).default(""),
  assumptions: z.array(z.string().max(1_000)).max(32).default([]),
  risks: z.array(z.string().max(1_000)).max(32).default([]),
  /** `context` = proposed by the deterministic planner, no model was used. */
  planner: PlannerKind,
  model: z.looseObject({ provider: z.string(), id: z.string() }).optional(),
  repository: z.looseObject({ branch: z.string().optional(), commit: z.string().regex(/^[0-9a-f]{40,64}$/) }),
  budget: Budget.default({}),
  steps: z.array(Step).min(1).max(planLimits.maxSteps),
  successCriteria: z.array(z.string().min(1).max(1_000)).min(1).max(32),
  planHash: Sha256.optional(),
});
export type Plan = z.infer<typeof Plan>;

/** A plan whose hashes are filled in: what the store keeps and people approve. */
export type SealedStep = Step & { stepHash: Sha256 };
export type SealedPlan = Plan & { planHash: Sha256; steps: SealedStep[] };

function withoutKeys(value: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** SHA-256 over the step's canonical JSON without `stepHash`. */
export function hashStep(step: Step): Sha256 {
  return hashJson(withoutKeys(step, ["stepHash"]));
}

/** SHA-256 over the plan's canonical JSON without any hash field. */
export function hashPlan(plan: Plan): Sha256 {
  const steps = plan.steps.map((step) => withoutKeys(step, ["stepHash"]));
  return hashJson({ ...withoutKeys(plan, ["planHash"]), steps });
}

/** Returns the plan with every hash recomputed. */
export function sealPlan(plan: Plan): SealedPlan {
  const steps = plan.steps.map((step) => ({ ...step, stepHash: hashStep(step) }));
  return { ...plan, steps, planHash: hashPlan(plan) };
}
