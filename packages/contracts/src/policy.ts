// What policy is asked and what it answers: the shape shared by the rules in Rego, their caller,
// the event log and the API. Names are snake_case where Rego reads them.
import { z } from "zod";

import { AgentCapability } from "./capability.ts";
import { ApprovalRule } from "./agent-profile.ts";

export const RunMode = z.enum(["consumer", "enterprise"]);
export type RunMode = z.infer<typeof RunMode>;

/** Where a deciding rule stands, strictest first; `candidate` is a file that a replay tries. */
export const PolicyLayerName = z.enum(["admin", "tenant", "project", "user", "candidate"]);
export type PolicyLayerName = z.infer<typeof PolicyLayerName>;

export const DenyReason = z.enum([
  "missing_capability",
  "approval_required",
  "run_mode_mismatch",
  "agent_profile_missing",
  "outside_envelope",
  "egress_not_allowed",
  "denied_by_rule",
  "command_too_large",
  "policy_unavailable",
]);
export type DenyReason = z.infer<typeof DenyReason>;

/** One thing that stands against a call, and the rule that says so. */
export const DenyEntry = z.strictObject({
  reason: DenyReason,
  /** Layer of a policy file, or where the fact comes from: `built-in`, `profile`, `plan`. */
  layer: z.string().max(64),
  rule: z.string().max(64),
  capability: z.string().max(64).optional(),
  /** `file:line` of a rule of a policy file. */
  source: z
    .string()
    .max(4_096 + 16)
    .optional(),
});
export type DenyEntry = z.infer<typeof DenyEntry>;

/** The same, with the reason that a policy file states, or what a built-in rule stands for. */
export const ExplainedEntry = DenyEntry.extend({ why: z.string().max(1_000) });
export type ExplainedEntry = z.infer<typeof ExplainedEntry>;

/** What the compiled rules return; anything else is denied with `policy_unavailable`. */
export const PolicyResult = z.strictObject({
  allow: z.boolean(),
  deny: z.array(DenyEntry),
  requires_approval: z.boolean(),
});
export type PolicyResult = z.infer<typeof PolicyResult>;

export const PolicyOutcome = z.enum(["allow", "ask", "deny"]);
export type PolicyOutcome = z.infer<typeof PolicyOutcome>;

const Words = z.array(z.string());
const Bindings = z.record(z.string(), Words);

/** A rule of a policy file, with the paths, commands and hosts of the call that it touches. */
export const TouchedRule = z.looseObject({
  id: z.string(),
  effect: z.enum(["deny", "ask"]),
  source: z.string(),
  /** Why, as the file says; no rule decides by it. */
  reason: z.string().optional(),
  capabilities: Words.optional(),
  tools: Words.optional(),
  max_cost_usd: z.number().optional(),
  /** The call's command is too large to be read: a rule about commands is then taken to meet it. */
  is_unread: z.literal(true).optional(),
  /** One entry per selector the rule has; an empty list means that the rule does not apply. */
  touched: z.looseObject({ paths: Words.optional(), commands: Words.optional(), hosts: Words.optional() }),
});
export type TouchedRule = z.infer<typeof TouchedRule>;

export const PolicyInput = z.looseObject({
  subject: z.looseObject({
    /** From the stored plan. */
    agent: z.string(),
    tool: z.string(),
    capabilities: Words,
    /** What people have approved: the step with its hash as it then was, or calls by their hash. */
    approvals: z.array(z.looseObject({ kind: z.enum(["plan", "step", "call"]), hash: z.string() })),
    run_mode: RunMode,
    tenant_id: z.string(),
    /** From the login session or token that made the plan; never from a request header. */
    user: z.string(),
    roles: Words,
    scopes: Words,
    session_id: z.string(),
  }),
  action: z.looseObject({
    type: z.string(),
    plan_id: z.string().optional(),
    step_id: z.string().optional(),
    /** Every one of them is needed; none = the tool is offered to nobody. */
    capabilities: Words,
    run_mode: RunMode,
    paths: Words,
    /** Exact argv of each command. */
    commands: z.array(Words),
    hosts: Words,
    /** What the plan has cost so far; null = unknown. */
    cost_usd: z.number().nullable(),
    /** Hash of this exact call, and of what it acts on. */
    call_hash: z.string(),
    subject_hash: z.string(),
  }),
  context: z.looseObject({
    capabilities: z.looseObject({ role_bindings: Bindings, tenant_role_bindings: Bindings }),
    /** null = the agent has no profile. */
    profile: z.looseObject({ approval_policy: z.partialRecord(AgentCapability, ApprovalRule) }).nullable(),
    envelope: z.looseObject({ inside: z.boolean(), approvable: z.boolean() }),
    step: z.looseObject({ hash: z.string(), approval_required: z.boolean() }),
    layers: z.array(z.looseObject({ name: PolicyLayerName, rules: z.array(TouchedRule) })),
  }),
});
export type PolicyInput = z.infer<typeof PolicyInput>;

/** One recorded decision that would now be another. */
export type ReplayedDecision = {
  planId: string;
  stepId: string;
  seq: number;
  at: string;
  agent: string;
  tool: string;
  /** The call in words. */
  what: string;
  before: { outcome: PolicyOutcome; deny: DenyEntry[] };
  after: { outcome: PolicyOutcome; deny: DenyEntry[] };
};

export type PolicyReplayResponse = {
  schemaVersion: 1;
  plans: number;
  decisions: number;
  changed: ReplayedDecision[];
  /** Plans whose decisions could not be made again, and why. */
  skipped: { planId: string; why: string }[];
  /** More decisions were recorded than one replay makes; `since` a later time sees the rest. */
  truncated: boolean;
};

/** A rule that decides by path, command, host or cost: which calls it meets shows when they are made. */
export type ConditionalRule = { effect: "deny" | "ask"; layer: string; rule: string; source: string; when: string };

export type CheckedTool = {
  stepId: string;
  agent: string;
  tool: string;
  capability: string;
  /** What was decided about: an expected file, a command prefix, `reaching` a host, or empty: the tool at large. */
  about: string;
  outcome: PolicyOutcome;
  deny: DenyEntry[];
  conditions: ConditionalRule[];
};

export type PolicyCheckResponse = {
  schemaVersion: 1;
  planId: string;
  /** False = decided as if the plan were approved as it stands. */
  isApproved: boolean;
  tools: CheckedTool[];
  counts: Record<PolicyOutcome, number>;
  /** Every rule that stands in a `deny` of these tools, once, with why. */
  rules: Omit<ExplainedEntry, "capability">[];
};
