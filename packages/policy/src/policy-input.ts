// Builds the input of a decision: facts only, each named as the rules in Rego name it.
import { hashJson } from "@ossaat/contracts";
import type { AgentCapability, AgentProfile, Envelope, PolicyInput, RunMode, Sha256 } from "@ossaat/contracts";

import { callReach } from "./call-reach.ts";
import { callSubject } from "./call-subject.ts";
import { checkEnvelope } from "./check-envelope.ts";
import type { EnvelopeCheck, ToolCall } from "./check-envelope.ts";
import type { PolicyLayer } from "./policy-layer.ts";
import { touchLayers } from "./touch-rules.ts";

/** What policy needs to know of a profile. */
export type PolicyProfile = Pick<AgentProfile, "name" | "capabilities" | "approval_policy">;

/**
 * An approval a person has already given beyond the plan's envelope. `call` covers one exact
 * call (its `subject` is the call's hash); `step` and `run` cover every call with the same
 * subject ({@link callSubject}) while the step or the run lasts.
 */
export type ApprovalGrant = { scope: "call" | "step" | "run"; tool: string; subject: string };

export type DecisionRequest = {
  /** Name of the step's agent, as the stored plan has it. */
  agent: string;
  /** Undefined when the agent has no profile: denied. */
  profile: PolicyProfile | undefined;
  call: ToolCall;
  /** Capability of the tool; undefined = the tool is offered to nobody. */
  capability: AgentCapability | undefined;
  envelope: Envelope;
  /** Replaces the check of the call against the envelope, where there is no whole call yet. */
  envelopeCheck?: EnvelopeCheck;
  step: {
    /** Hash of the step that runs, and of the one a person approved. */
    hash: string;
    approvedHash?: string | undefined;
    /** The step asks again when its turn comes, besides the approval of the plan. */
    approvalRequired: boolean;
    isApproved: boolean;
  };
  grants: readonly ApprovalGrant[];
  layers: readonly PolicyLayer[];
  /** What the plan has cost so far, US dollars; null = unknown. */
  costUsd: number | null;
  /** Mode the server runs in, and the one the plan was made in; absent = consumer. */
  runModes?: { server: RunMode; plan: RunMode } | undefined;
  /** Who the plan belongs to. */
  owner?: { planId: string; stepId: string; tenantId: string; user: string } | undefined;
};

/** Hash of one exact call, for grants of scope `call`. */
export function hashCall(call: ToolCall): Sha256 {
  return hashJson({ tool: call.tool, input: call.input });
}

const subjectHash = (tool: string, subject: string): Sha256 => hashJson({ tool, subject });

function approvalsOf({ step, grants }: DecisionRequest): PolicyInput["subject"]["approvals"] {
  return [
    ...(step.approvedHash === undefined ? [] : [{ kind: "plan" as const, hash: step.approvedHash }]),
    ...(step.isApproved ? [{ kind: "step" as const, hash: step.hash }] : []),
    ...grants.map(({ scope, tool, subject }) => ({
      kind: "call" as const,
      hash: scope === "call" ? subject : subjectHash(tool, subject),
    })),
  ];
}

/** A tool that runs programs needs the network as well, where its envelope opens hosts or the call asks for some. */
function neededCapabilities(capability: AgentCapability | undefined, hosts: readonly string[]): AgentCapability[] {
  if (capability === undefined) return [];
  return hosts.length === 0 ? [capability] : [capability, "network.egress"];
}

function contextOf(request: DecisionRequest, layers: PolicyInput["context"]["layers"]): PolicyInput["context"] {
  const { profile, envelope, call, step } = request;
  const check = request.envelopeCheck ?? checkEnvelope(envelope, call);
  return {
    // One user on one machine: no role is bound to less than its profile holds.
    capabilities: { role_bindings: {}, tenant_role_bindings: {} },
    profile: profile === undefined ? null : { approval_policy: profile.approval_policy },
    envelope: { inside: check.inside, approvable: check.inside || check.approvable },
    step: { hash: step.hash, approval_required: step.approvalRequired },
    layers,
  };
}

export function buildPolicyInput(request: DecisionRequest): PolicyInput {
  const { agent, profile, call, capability, envelope, layers, costUsd, owner } = request;
  const reach = callReach(call, envelope);
  return {
    subject: {
      agent,
      tool: call.tool,
      capabilities: profile?.capabilities ?? [],
      approvals: approvalsOf(request),
      run_mode: request.runModes?.server ?? "consumer",
      tenant_id: owner?.tenantId ?? "local",
      user: owner?.user ?? "",
      roles: [],
      scopes: [],
      session_id: "",
    },
    action: {
      type: "tool.call",
      ...(owner === undefined ? {} : { plan_id: owner.planId, step_id: owner.stepId }),
      capabilities: neededCapabilities(capability, reach.hosts),
      run_mode: request.runModes?.plan ?? "consumer",
      paths: [...reach.paths],
      commands: reach.commands.map((argv) => [...argv]),
      hosts: [...reach.hosts],
      cost_usd: costUsd,
      call_hash: hashCall(call),
      subject_hash: subjectHash(call.tool, callSubject(call)),
    },
    context: contextOf(request, touchLayers(layers, reach)),
  };
}

/** A recorded input as it would be asked now: the same call, under other policy files and another run mode. */
export function withLayers(
  input: PolicyInput,
  { layers, runMode }: { layers: readonly PolicyLayer[]; runMode: RunMode },
): PolicyInput {
  const { paths, commands, hosts } = input.action;
  return {
    ...input,
    subject: { ...input.subject, run_mode: runMode },
    context: { ...input.context, layers: touchLayers(layers, { paths, commands, hosts }) },
  };
}
