// HTTP requests and answers of the plan API. Requests are strict.
import { z } from "zod";

import { DecisionMeans } from "./approval.ts";
import type { ApprovalState, PlanState } from "./fold-plan.ts";
import { Budget } from "./envelope.ts";
import type { PlanId } from "./ids.ts";
import { Sha256, Timestamp } from "./ids.ts";
import { Plan, planLimits } from "./plan.ts";
import type { AgentFrontMatter } from "./agent-profile.ts";
import type { PlanStatus } from "./plan-status.ts";
import { PlanPriority } from "./priority.ts";
import type { DiffFile, ToolRunnerHealth } from "./tool.ts";

// oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
const controlCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u0080-\u009f\u202a-\u202e\u2066-\u2069]/;

export const Goal = z
  .string()
  .trim()
  .min(1, "the goal is empty: say in a sentence what should change")
  .max(
    planLimits.maxGoalChars,
    `the goal is longer than ${planLimits.maxGoalChars} characters: put details in a file of the repository and name it`,
  )
  .refine(
    (text) => text.isWellFormed() && !controlCharacters.test(text),
    "the goal contains control characters: type it as plain text",
  );

export const CreatePlanRequest = z.strictObject({
  goal: Goal,
  repository: z.strictObject({ path: z.string().min(1).max(4_096), baseRef: z.string().min(1).max(255).optional() }),
  /** `provider/model`, `scripted:FILE` or `none`; absent = configured default. */
  model: z.string().min(1).max(4_096).optional(),
  /** Agents the plan may use; absent = all. */
  agents: z
    .array(z.string().regex(/^[a-z0-9-]{1,64}$/))
    .min(1)
    .max(16)
    .optional(),
  budget: z.strictObject(Budget.shape).optional(),
  /** Among the plans of the tenant; absent = normal. */
  priority: PlanPriority.optional(),
});
export type CreatePlanRequest = z.input<typeof CreatePlanRequest>;

const comment = z.string().max(4_000).optional();

export const PlanDecision = z.discriminatedUnion("decision", [
  z.strictObject({
    decision: z.literal("approve"),
    planHash: Sha256,
    comment,
    means: DecisionMeans.optional(),
    /** Model that runs the plan when it was made without one, or another than it was made with. */
    model: z.string().min(1).max(4_096).optional(),
  }),
  z.strictObject({
    decision: z.literal("reject"),
    planHash: Sha256.optional(),
    comment,
    means: DecisionMeans.optional(),
  }),
  z.strictObject({
    decision: z.literal("revise"),
    planHash: Sha256.optional(),
    feedback: z.string().min(1).max(4_000),
  }),
  z.strictObject({ decision: z.literal("cancel"), reason: z.string().max(1_000).optional() }),
  z.strictObject({ decision: z.literal("pause"), reason: z.string().max(1_000).optional() }),
  z.strictObject({ decision: z.literal("resume") }),
]);
export type PlanDecision = z.input<typeof PlanDecision>;

export const EditPlanRequest = z.strictObject({
  /** Hash of the revision the edit started from; a stale one is `conflict`. */
  basePlanHash: Sha256,
  plan: Plan,
});
export type EditPlanRequest = z.input<typeof EditPlanRequest>;

export const RetryPlanRequest = z.strictObject({
  /** Begin again from this step; absent = from every step that did not succeed. */
  fromStep: z.string().max(64).optional(),
  /** Replaces caps of the budget. */
  budget: z.strictObject(Budget.shape).optional(),
});
export type RetryPlanRequest = z.input<typeof RetryPlanRequest>;

export const PolicyReplayRequest = z.strictObject({
  planId: z.string().max(64).optional(),
  /** Only decisions made at this time or later. */
  since: Timestamp.optional(),
  /** Only decisions after this event of their plan. */
  afterSeq: z.int().nonnegative().optional(),
  /** What is tried instead of the rules that hold now. */
  candidate: z
    .strictObject({
      /** Compiled rules. */
      wasm: z.base64().max(1_000_000).optional(),
      /** Text of a policy file that holds besides the others. */
      rules: z.strictObject({ file: z.string().min(1).max(4_096), text: z.string().max(262_144) }).optional(),
    })
    .optional(),
});
export type PolicyReplayRequest = z.infer<typeof PolicyReplayRequest>;

/** `requeue` gives a message back to its queue, `drop` forgets it. */
export const DeadLetterDecision = z.strictObject({ decision: z.enum(["requeue", "drop"]) });
export type DeadLetterDecision = z.infer<typeof DeadLetterDecision>;

/** `reason`: words in it, however they are written. Absent = all. */
const letterReason = z.string().min(1).max(500);
const letterPlan = z.string().min(1).max(100);

/** Query of a list of dead letters. */
export const DeadLetterQuery = z.strictObject({
  plan: letterPlan.optional(),
  reason: letterReason.optional(),
  limit: z.coerce.number().int().min(1).max(10_000).optional(),
});
export type DeadLetterQuery = z.infer<typeof DeadLetterQuery>;

const decision = DeadLetterDecision.shape.decision;

/** About letters by their ids or the beginnings of them, or about all that fit. */
export const DeadLettersDecision = z.union([
  z.strictObject({ decision, ids: z.array(z.string().min(1).max(200)).min(1).max(1_000) }),
  z.strictObject({
    decision,
    all: z.strictObject({
      planId: letterPlan.optional(),
      reason: letterReason.optional(),
      /** Only those that were there by then, as an earlier answer said it. */
      asOf: Timestamp.optional(),
    }),
  }),
]);
export type DeadLettersDecision = z.infer<typeof DeadLettersDecision>;

/** A message that nobody handles unless a person gives it back; without a plan when it cannot be read. */
export type DeadLetterSummary = {
  id: string;
  pool: string;
  reason: string;
  planId?: string;
  stepId?: string;
  attempt?: number;
};
/** `hasMore`: these are the oldest, and others fit as well. */
export type DeadLetterListResponse = { schemaVersion: 1; letters: DeadLetterSummary[]; hasMore: boolean };
/** `message` is the text as it was found. */
export type DeadLetterResponse = { schemaVersion: 1; letter: DeadLetterSummary & { message: string } };
export type DeadLetterDecisionResponse = { schemaVersion: 1; letter: DeadLetterSummary } & DeadLetterDecision;
/** Those that were given back or forgotten; `hasMore`: others fit, or were left. Ask again. */
export type DeadLettersDecisionResponse = DeadLetterListResponse &
  DeadLetterDecision & {
    /** About all: asked again with it, those that died since are left; absent from older servers. */
    asOf?: string;
    /** Letters that fit, seen and left because they died after `asOf`; absent where none was asked for. */
    newer?: number;
  };
/** `blocked`: it answers, and accepts no message for now. `next`: what a person must do before it is well. */
export type QueueHealth = { ok: boolean; blocked: boolean; detail: string; next?: string };

/** Counts are null while the broker cannot be asked. */
export type QueueStatusResponse = {
  schemaVersion: 1;
  health: QueueHealth;
  /** Messages of the caller's tenant that wait in the database. */
  waiting: number;
  /** `depth`: messages that wait there, of everybody; `deadLetters`: of the caller's tenant. */
  pools: {
    pool: string;
    depth: number | null;
    deadLetters: number | null;
    /** Workers that take messages there now, as the broker tells; absent where there is none to tell. */
    workers?: number | null;
  }[];
  /** Workers that run steps of the caller's tenant, by name; absent from older servers. */
  workers?: { worker: string; running: number }[];
};

export type PlanSummary = {
  id: PlanId;
  goal: string;
  status: PlanStatus;
  reason?: string;
  repositoryPath: string;
  createdAt: string;
  updatedAt: string;
  finishedAt?: string;
  /** `done` are those that succeeded. */
  steps: { total: number; done: number };
  pendingApprovals: number;
  costUsd: number;
  unknownCostTurns: number;
  branch?: string;
  scripted: boolean;
  /** Absent = normal. */
  priority?: PlanPriority;
};

/** How an import ended; status and events are those of this server when the plan was here already. */
export type ImportPlanResponse = {
  schemaVersion: 1;
  planId: PlanId;
  outcome: "imported" | "already_here";
  status: PlanStatus;
  events: number;
  /** What a person should know: what could not be taken along, and why. */
  notes: string[];
};

export type PlanResponse = { schemaVersion: 1; plan: PlanState };
export type PlanListResponse = { schemaVersion: 1; plans: PlanSummary[]; nextCursor?: string };
export type ApprovalListResponse = { schemaVersion: 1; approvals: ApprovalState[] };
export type DiffResponse = { schemaVersion: 1; from: string; to: string; files: DiffFile[] };
export type AgentListResponse = {
  schemaVersion: 1;
  agents: (AgentFrontMatter & { source: string; path: string; hash: string })[];
  /** Files that are not valid; with `level: "notice"`, parts of valid files that have no effect. */
  problems: { path: string; line?: number; message: string; level?: "notice" }[];
};
/** A part of a deployment that does not do its work, and what a person does about it. */
export type PartAway = { ok: false; detail: string; next: string };

export type StatusResponse = {
  schemaVersion: 1;
  version: string;
  pid: number;
  startedAt: string;
  /** `provider/model` in use when a request names none; null = no model configured. */
  model: string | null;
  /** Names (never values) of the vendors' variables that the server was started with. */
  providerKeys: string[];
  sandbox: ToolRunnerHealth["sandbox"];
  /** Absent on a server of an earlier version. */
  queue?: QueueHealth;
  /** Present while it does not answer; the sandbox is `unavailable` then. */
  toolRunner?: PartAway;
  /** Present while steps wait and no worker takes them. */
  workers?: PartAway;
  plans: { open: number; running: number; awaitingApproval: number };
  stateDir: string;
};
