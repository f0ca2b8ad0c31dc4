// The decision about one tool call: allow, ask or deny. Default deny; the strictest of policy
// and profile wins; an approval covers exactly what it named.
import { capabilityTable, hashJson, toolSpecs } from "@ossaat/contracts";
import type { AgentCapability, AgentProfile, Envelope, Sha256, ToolName } from "@ossaat/contracts";

import { callSubject } from "./call-subject.ts";
import type { EnvelopeCheck, ToolCall } from "./check-envelope.ts";

/** Raise it whenever a rule below changes: it is part of every policy hash and so of every grant. */
const rulesVersion = 2;

export type DenyReason =
  | "missing_capability"
  | "approval_required"
  | "agent_profile_missing"
  | "outside_envelope"
  | "policy_unavailable";

/** What policy needs to know of a profile. */
export type PolicyProfile = Pick<AgentProfile, "name" | "capabilities" | "approval_policy">;

/**
 * An approval a person has already given beyond the plan's envelope. `call` covers one exact
 * call (its `subject` is the call's hash); `step` and `run` cover every call with the same
 * subject ({@link callSubject}) while the step or the run lasts.
 */
export type ApprovalGrant = { scope: "call" | "step" | "run"; tool: string; subject: string };

export type PolicyInput = {
  /** Undefined when the step's agent has no profile: denied. */
  profile: PolicyProfile | undefined;
  call: ToolCall;
  /** Capability of the tool; undefined = the tool is offered to nobody. */
  capability: AgentCapability | undefined;
  envelopeCheck: EnvelopeCheck;
  /** The call may reach the network, see `reachesNetwork`: it needs that capability as well. */
  reachesNetwork: boolean;
  approval: {
    /** Hash of the plan revision that runs, and of the one a person approved. */
    planHash: string;
    approvedPlanHash?: string;
    /** The step asks again when its turn comes, besides the approval of the plan. */
    stepApprovalRequired: boolean;
    stepApproved: boolean;
  };
  grants: readonly ApprovalGrant[];
};

export type Decision = {
  /** True only when `deny` is empty. */
  allow: boolean;
  deny: { reason: DenyReason; capability?: AgentCapability }[];
  requiresApproval: boolean;
  policyHash: Sha256;
};

/** Hash of the rules and the settings they read; it changes whenever a decision could. */
export function policyHash(profile: PolicyProfile | undefined): Sha256 {
  const settings =
    profile === undefined
      ? null
      : {
          name: profile.name,
          capabilities: [...profile.capabilities].sort(),
          approvalPolicy: { ...profile.approval_policy },
        };
  const defaults = Object.fromEntries(Object.entries(capabilityTable).map(([name, row]) => [name, row.defaultRule]));
  return hashJson({ rulesVersion, defaults, settings });
}

function isGranted(input: PolicyInput): boolean {
  const { call, grants } = input;
  return grants.some((grant) => {
    if (grant.tool !== call.tool) return false;
    return grant.subject === (grant.scope === "call" ? hashCall(call) : callSubject(call));
  });
}

/** Hash of one exact call, for grants of scope `call`. */
export function hashCall(call: ToolCall): Sha256 {
  return hashJson({ tool: call.tool, input: call.input });
}

/** Whether a person has to be asked before the call. */
function lacksApproval(input: PolicyInput, capability: AgentCapability): boolean {
  const { approval, envelopeCheck, profile } = input;
  if (isGranted(input)) return false;
  if (!envelopeCheck.inside) return true;
  const rule = profile?.approval_policy[capability];
  const needsApproval = capabilityTable[capability].defaultRule === "approval" || rule === "human_approval";
  const planApproved = approval.approvedPlanHash !== undefined && approval.approvedPlanHash === approval.planHash;
  if (needsApproval && !planApproved) return true;
  return approval.stepApprovalRequired && !approval.stepApproved && needsApproval;
}

/** Every capability the call needs; empty when its tool is offered to nobody. */
function neededCapabilities({ capability, reachesNetwork }: PolicyInput): AgentCapability[] {
  if (capability === undefined) return [];
  return reachesNetwork && capability !== "network.egress" ? [capability, "network.egress"] : [capability];
}

function hardDenials(input: PolicyInput): Decision["deny"] {
  const { profile, capability, envelopeCheck } = input;
  const deny: Decision["deny"] = [];
  if (profile === undefined) deny.push({ reason: "agent_profile_missing" });
  if (capability === undefined) deny.push({ reason: "missing_capability" });
  for (const needed of profile === undefined ? [] : neededCapabilities(input)) {
    const held = profile?.capabilities.includes(needed) === true && profile.approval_policy[needed] !== "deny";
    if (!held) deny.push({ reason: "missing_capability", capability: needed });
  }
  if (!envelopeCheck.inside && !envelopeCheck.approvable) deny.push({ reason: "outside_envelope" });
  return deny;
}

/**
 * Decides about one call. Read it so: `allow` means go; only `approval_required` left in `deny`
 * means ask; anything else means refuse and say why.
 */
export function decide(input: PolicyInput): Decision {
  const deny = hardDenials(input);
  const hash = policyHash(input.profile);
  for (const capability of neededCapabilities(input)) {
    if (lacksApproval(input, capability)) deny.push({ reason: "approval_required", capability });
  }
  const requiresApproval = deny.length > 0 && deny.every((entry) => entry.reason === "approval_required");
  return {
    allow: deny.length === 0,
    deny,
    requiresApproval,
    policyHash: hash,
  };
}

/** Tools a model may see: in the envelope, within the profile's capabilities, and not denied by it. */
export function visibleTools(profile: PolicyProfile, envelope: Envelope): ToolName[] {
  const names = Object.keys(toolSpecs) as ToolName[];
  return names.filter((name) => {
    const { capability } = toolSpecs[name];
    return (
      envelope.tools.includes(name) &&
      profile.capabilities.includes(capability) &&
      profile.approval_policy[capability] !== "deny"
    );
  });
}
