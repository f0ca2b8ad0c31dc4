// The closed catalogue of events. The log is append-only with one gapless sequence per plan;
// the state of a plan is its fold. Unknown fields survive; new fields are optional.
import { z } from "zod";

import { ApprovalRequest, ApprovalScope, DecisionMeans } from "./approval.ts";
import { EgressRecord } from "./egress.ts";
import { Denial } from "./denial.ts";
import { Budget } from "./envelope.ts";
import { ApprovalId, PlanId, Sha256, StepId, Timestamp } from "./ids.ts";
import { Plan, PlannerKind } from "./plan.ts";
import { EndReason } from "./plan-status.ts";
import { PlanPriority } from "./priority.ts";
import { DenyEntry, PolicyOutcome, RunMode } from "./policy.ts";

/** A value kept inline when small, else in the artifact store by its SHA-256. */
export const Stored = z.union([
  z.looseObject({ value: z.unknown() }),
  z.looseObject({ ref: Sha256, bytes: z.int().nonnegative() }),
]);
export type Stored = z.infer<typeof Stored>;

/** Token counts of one model turn; an absent figure is unknown, not 0. */
export const TurnUsage = z.looseObject({
  inputTokens: z.int().nonnegative().optional(),
  cachedInputTokens: z.int().nonnegative().optional(),
  outputTokens: z.int().nonnegative().optional(),
});
export type TurnUsage = z.infer<typeof TurnUsage>;

const EventErrorData = z.looseObject({ code: z.string(), message: z.string() });

/** What a finished step leaves for its dependants and for the evidence. */
export const StepResult = z.looseObject({
  summary: z.string().max(8_000).default(""),
  /** Commit the step ends at; dependants start from it. */
  head: z.string().optional(),
  filesChanged: z.int().nonnegative().optional(),
  additions: z.int().nonnegative().optional(),
  deletions: z.int().nonnegative().optional(),
  tests: z.looseObject({}).optional(),
  findings: z
    .array(
      z.looseObject({
        severity: z.enum(["info", "low", "medium", "high"]),
        path: z.string().optional(),
        line: z.int().optional(),
        message: z.string().max(4_000),
      }),
    )
    .optional(),
});
export type StepResult = z.infer<typeof StepResult>;

const DeadLetterData = z.looseObject({ letterId: z.string(), pool: z.string(), reason: z.string() });

/** Data of each event, by type. */
export const eventData = {
  "plan.created": z.looseObject({
    goal: z.string(),
    repository: z.looseObject({
      path: z.string(),
      branch: z.string().optional(),
      baseRef: z.string().optional(),
      baseCommit: z.string(),
      dirtyPaths: z.int().nonnegative().default(0),
    }),
    /** `provider/model` or `scripted:FILE`; null = no model, the context planner proposes. */
    model: z.string().nullable(),
    /** A person named the model; absent = it is the configured default, and profiles may route. */
    modelPinned: z.boolean().optional(),
    scripted: z.boolean().default(false),
    /** What a scripted model's file says of itself. */
    modelNotice: z.string().optional(),
    sandbox: z.enum(["bubblewrap", "container", "none"]),
    /** Mode the plan was made in; absent = consumer. */
    runMode: RunMode.optional(),
    agents: z.array(z.string()).optional(),
    budget: Budget,
    tenantId: z.string(),
    retryOf: PlanId.optional(),
    /** Absent = normal. */
    priority: PlanPriority.optional(),
  }),
  "plan.proposed": z.looseObject({
    plan: Plan,
    planHash: Sha256,
    origin: z.enum(["planner", "edit", "retry"]),
    planner: PlannerKind,
    /** Steps whose hash differs from the revision before. */
    changedSteps: z.array(StepId),
  }),
  /** plan.json and plan.md of a revision stand in the repository, or why they do not. */
  "plan.recorded": z.looseObject({ revision: z.int(), problem: z.string().optional() }),
  "plan.approved": z.looseObject({
    revision: z.int(),
    planHash: Sha256,
    stepHashes: z.record(z.string(), Sha256),
    comment: z.string().optional(),
    means: DecisionMeans.optional(),
    model: z.string().optional(),
    scripted: z.boolean().optional(),
  }),
  "plan.rejected": z.looseObject({
    planHash: Sha256.optional(),
    comment: z.string().optional(),
    means: DecisionMeans.optional(),
  }),
  "plan.revision_requested": z.looseObject({ feedback: z.string(), round: z.int() }),
  "plan.started": z.looseObject({}),
  "plan.paused": z.looseObject({ reason: z.string().optional() }),
  "plan.resumed": z.looseObject({}),
  "plan.cancel_requested": z.looseObject({ reason: z.string().optional() }),
  "plan.finished": z.looseObject({
    status: z.enum(["succeeded", "failed", "cancelled"]),
    reason: EndReason.optional(),
    message: z.string().optional(),
    branch: z.string().optional(),
    commit: z.string().optional(),
    evidenceRef: Sha256.optional(),
    /** Why the evidence does not stand in the repository too; it is in the store under `evidenceRef`. */
    recordProblem: z.string().optional(),
  }),
  /** The plan came out of an archive; everything before happened elsewhere. It may follow the plan's end. */
  "plan.imported": z.looseObject({
    /** SHA-256 of the archive's file. */
    archive: Sha256,
    exportedAt: Timestamp,
    /** Version of the product that wrote the archive. */
    version: z.string(),
    /** Repository the plan belongs to from here on; absent = none of this machine. */
    repositoryPath: z.string().optional(),
  }),
  "step.readied": z.looseObject({}),
  "step.started": z.looseObject({ worker: z.string(), fence: z.int(), agent: z.string() }),
  "step.backed_off": z.looseObject({
    error: EventErrorData,
    retryAt: Timestamp,
    /** Who named the time; absent = the backoff of the job engine. */
    askedBy: z.literal("provider").optional(),
  }),
  "step.lost": z.looseObject({ worker: z.string(), lostCount: z.int() }),
  "step.released": z.looseObject({ reason: z.string() }),
  "step.reconcile_requested": z.looseObject({ message: z.string() }),
  "step.finished": z.looseObject({
    status: z.enum(["succeeded", "failed", "skipped", "cancelled"]),
    reason: EndReason.optional(),
    message: z.string().optional(),
    result: StepResult.optional(),
    /** The result was taken over from the plan this one retries. */
    carried: z.boolean().optional(),
  }),
  "workspace.opened": z.looseObject({ workspaceId: z.string(), commit: z.string(), tree: z.string() }),
  /** The bounded context a step starts from: what is sent to the model and why. */
  "context.assembled": z.looseObject({ agent: z.string(), message: Stored, sources: z.array(z.string()) }),
  /** Older turns left the conversation; a digest of them, made by the platform, stands in their place. */
  "context.compacted": z.looseObject({
    /** Last turn that the digest stands for. */
    throughTurn: z.int().positive(),
    digest: Stored,
    /** Characters of the conversation before. */
    chars: z.int().nonnegative(),
    /** The model's window was nearly full, or the model refused the request as too long. */
    cause: z.enum(["window", "refused"]),
  }),
  "budget.reserved": z.looseObject({
    turn: z.int().positive(),
    requestAttempt: z.int().positive(),
    tokens: z.int().nonnegative(),
    costUsd: z.number().nullable(),
  }),
  "model.finished": z.looseObject({
    turn: z.int().positive(),
    provider: z.string(),
    model: z.string(),
    message: Stored,
    finishReason: z.string(),
    usage: TurnUsage,
    /** null = price unknown; never written as 0. */
    costUsd: z.number().nullable(),
    /** Tokens that are counted as spent, estimated; absent = those of the usage. */
    tokens: z.int().positive().optional(),
    seconds: z.number(),
    toolCalls: z.int().nonnegative(),
    scripted: z.boolean().default(false),
    /** What was dropped from or changed in the request, because the model does not take it. */
    warnings: z.array(z.string()).optional(),
  }),
  "model.failed": z.looseObject({
    turn: z.int().positive(),
    requestAttempt: z.int().positive(),
    error: EventErrorData,
    /** What the vendor said it used before the turn broke; absent = it said nothing. */
    usage: TurnUsage.optional(),
    /** null = it may have cost something, nobody knows how much; absent = it cost nothing. */
    costUsd: z.number().nullable().optional(),
    /** Tokens that are counted as spent: those of the usage, else an estimate of the question's. */
    tokens: z.int().nonnegative().optional(),
  }),
  /** A message the platform adds to the step's conversation: check failures, feedback, notices. */
  "guidance.added": z.looseObject({ afterTurn: z.int().nonnegative(), kind: z.string(), text: z.string() }),
  /** A person gave a message that nobody had handled back to its queue, or let it be forgotten. */
  "message.requeued": DeadLetterData,
  "message.dropped": DeadLetterData,
  /** What policy said about a call, from what, and by which rules. */
  "policy.decided": z.looseObject({
    callId: z.string(),
    tool: z.string(),
    /** The call in words. */
    what: z.string(),
    outcome: PolicyOutcome,
    deny: z.array(DenyEntry.loose()),
    policyHash: Sha256,
    /** The whole input of the decision, so that it can be made again. */
    input: Stored,
  }),
  "tool.started": z.looseObject({
    callId: z.string(),
    invocationId: z.string(),
    tool: z.string(),
    title: z.string(),
    argsHash: Sha256,
    approvedOutside: z.boolean().default(false),
  }),
  "tool.finished": z.looseObject({
    callId: z.string(),
    tool: z.string(),
    state: z.enum(["completed", "failed", "denied", "cancelled"]),
    summary: z.string(),
    output: Stored,
    snapshot: z.string().optional(),
    exitCode: z.int().nullable().optional(),
    /** What the call gave, without times, process ids and the like: equal results are a call in vain. */
    resultHash: Sha256.optional(),
    seconds: z.number(),
    unsandboxed: z.boolean().optional(),
  }),
  /** A call asked for the network: one event for requests that look the same, allowed or denied. */
  "egress.decided": EgressRecord.extend({ callId: z.string() }),
  /** Something of a call was refused; at most one event a call, before its `tool.finished`. */
  "audit.denied": z.looseObject({ callId: z.string(), tool: z.string(), denials: z.array(Denial).min(1) }),
  "merge.conflicted": z.looseObject({ files: z.array(z.string()), applying: z.string(), details: z.string() }),
  "merge.finished": z.looseObject({ head: z.string(), tree: z.string() }),
  "approval.requested": z.looseObject({ request: ApprovalRequest }),
  "approval.decided": z.looseObject({
    approvalId: ApprovalId,
    status: z.enum(["granted", "denied", "expired", "void"]),
    scope: ApprovalScope.optional(),
    means: DecisionMeans.optional(),
    feedback: z.string().optional(),
    replan: z.boolean().optional(),
    /** For `call` approvals: which call of the step it answers. */
    callId: z.string().optional(),
  }),
} as const;

export type EventType = keyof typeof eventData;
export type EventData<T extends EventType> = z.output<(typeof eventData)[T]>;

/** Who caused an event. A worker is named by its instance id. */
export const Actor = z.looseObject({ kind: z.enum(["user", "system", "worker", "agent"]), id: z.string() });
export type Actor = z.infer<typeof Actor>;

const eventBase = {
  schemaVersion: z.literal(1).default(1),
  /** 1, 2, 3 … per plan without a gap; also the SSE id. */
  seq: z.int().positive(),
  at: Timestamp,
  planId: PlanId,
  stepId: StepId.optional(),
  attempt: z.int().positive().optional(),
  actor: Actor,
  traceId: z.string().optional(),
};

export type PlanEventOf<T extends EventType> = {
  schemaVersion: 1;
  seq: number;
  at: string;
  planId: PlanId;
  stepId?: StepId | undefined;
  attempt?: number | undefined;
  actor: Actor;
  traceId?: string | undefined;
  type: T;
  data: EventData<T>;
};

export type PlanEvent = { [T in EventType]: PlanEventOf<T> }[EventType];

export const eventTypes = Object.keys(eventData) as [EventType, ...EventType[]];

/** Schema of one type of event as it is stored and sent. */
export function eventSchema<T extends EventType>(type: T) {
  return z.looseObject({ ...eventBase, type: z.literal(type), data: eventData[type] });
}

const EventEnvelope = z.looseObject({ ...eventBase, type: z.enum(eventTypes), data: z.unknown() });

/** Reads an event; unknown fields are kept. @throws ZodError when a known field is malformed. */
export function parseEvent(value: unknown): PlanEvent {
  const envelope = EventEnvelope.parse(value);
  return { ...envelope, data: eventData[envelope.type].parse(envelope.data) } as PlanEvent;
}

const liveBase = { planId: z.string(), stepId: z.string(), text: z.string() };

/** Live text that is not state: sent on the stream without an id, never stored in the log. */
export const LiveEvent = z.discriminatedUnion("type", [
  z.object({
    ...liveBase,
    type: z.literal("model.delta"),
    turn: z.number(),
    kind: z.enum(["text", "reasoning", "tool"]),
  }),
  z.object({
    ...liveBase,
    type: z.literal("tool.output"),
    callId: z.string(),
    channel: z.enum(["stdout", "stderr"]),
  }),
]);
export type LiveEvent = z.infer<typeof LiveEvent>;
