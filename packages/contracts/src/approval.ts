// Approvals: durable questions to a person, bound to the hash of what was shown.
import { z } from "zod";

import { ApprovalId, PlanId, Sha256, StepId, Timestamp } from "./ids.ts";
import { Budget } from "./envelope.ts";
import { Risk, SuccessCheck } from "./plan.ts";
import { ExplainedEntry } from "./policy.ts";

/**
 * `step`: may this step start; `call`: may this call outside the envelope run; `reconcile`: may a
 * step run again that was interrupted in an effect which must not happen twice.
 */
export const ApprovalKind = z.enum(["step", "call", "reconcile"]);
export type ApprovalKind = z.infer<typeof ApprovalKind>;

export const ApprovalStatus = z.enum(["pending", "granted", "denied", "expired", "void"]);
export type ApprovalStatus = z.infer<typeof ApprovalStatus>;

/**
 * How a decision was made: `interactive` = a person answered a question that was on their screen,
 * `flag` = a flag or setting of a command answered, nobody was asked. Absent where it is not known.
 */
export const DecisionMeans = z.enum(["interactive", "flag"]);
export type DecisionMeans = z.infer<typeof DecisionMeans>;

/** What a granted call approval covers: this call, the rest of the step, or the rest of the run. */
export const ApprovalScope = z.enum(["once", "step", "run"]);
export type ApprovalScope = z.infer<typeof ApprovalScope>;

/** What a person is shown before they decide; written by us from structured data. */
export const ApprovalRequest = z.looseObject({
  approvalId: ApprovalId,
  planId: PlanId,
  stepId: StepId,
  kind: ApprovalKind,
  /** SHA-256 over tool, arguments, workspace, envelope and policy (`call`), or the step hash (`step`). */
  requestHash: Sha256,
  /** One verb sentence. */
  title: z.string(),
  agent: z.string(),
  tool: z.string().optional(),
  /** Exact argv of a command. */
  argv: z.array(z.string()).optional(),
  cwd: z.string().optional(),
  /** Arguments of the call as JSON text, complete. */
  inputJson: z.string().optional(),
  /** Exact unified diff of a write, complete; of a step, its fields against those that were approved. */
  diff: z.string().optional(),
  /** What a step may do once it starts; absent for other kinds. */
  step: z
    .looseObject({
      tools: z.array(z.string()),
      /** Command prefixes that run without a further question. */
      commands: z.array(z.string()),
      successCheck: SuccessCheck,
      budget: Budget,
      /** 0 = the default of its action. */
      timeoutSeconds: z.int().nonnegative(),
    })
    .optional(),
  risk: Risk,
  /** Why the question is asked: rule and matched thing. */
  reason: z.string(),
  /** The rules that ask, each with where it stands and why. */
  policyRules: z.array(ExplainedEntry).optional(),
  reaches: z.looseObject({
    paths: z.array(z.string()),
    hosts: z.array(z.string()),
    secrets: z.array(z.string()),
    reversible: z.boolean(),
  }),
  /** The rule that a decision with scope step or run would add. */
  rule: z.looseObject({ tool: z.string(), commands: z.array(z.string()), paths: z.array(z.string()) }).optional(),
  requestedAt: Timestamp,
  /** After this the answer is "denied". */
  expiresAt: Timestamp,
});
export type ApprovalRequest = z.infer<typeof ApprovalRequest>;

export const ApprovalDecision = z.discriminatedUnion("decision", [
  z.strictObject({
    decision: z.literal("approve"),
    requestHash: Sha256,
    scope: ApprovalScope.default("once"),
    comment: z.string().max(4_000).optional(),
    means: DecisionMeans.optional(),
  }),
  z.strictObject({
    decision: z.literal("deny"),
    requestHash: Sha256,
    /** Goes back to the agent, so that it can go another way. */
    feedback: z.string().max(4_000).optional(),
    means: DecisionMeans.optional(),
  }),
  z.strictObject({
    decision: z.literal("replan"),
    requestHash: Sha256,
    feedback: z.string().min(1).max(4_000),
  }),
]);
export type ApprovalDecision = z.infer<typeof ApprovalDecision>;
