// Asks policy about one call of a step, and what the log keeps of the answer.
import { toolSpecs } from "@ossaat/contracts";
import type { AgentCapability, AgentProfile, Envelope, EventData, ToolName } from "@ossaat/contracts";
import { checkEnvelope, reachesNetwork } from "@ossaat/policy";
import { decide, visibleTools } from "@ossaat/policy/decision";
import type { Decision, DecisionRequest } from "@ossaat/policy/decision";

import { store } from "../artifact/artifacts.ts";
import type { NewEvent } from "../event/append-events.ts";
import type { Claim } from "../job/engine.ts";
import { isStepApproved, readGrants } from "../policy/granted-scopes.ts";
import { policyUnavailable } from "../policy/policies.ts";
import type { PolicyInForce } from "../policy/policies.ts";
import type { Reader } from "../store/store.ts";
import { describeCall } from "./describe-call.ts";
import type { StepDeps } from "./step-deps.ts";
import { finalFailure } from "./step-failed.ts";

export type DecidingDeps = Pick<StepDeps, "engine" | "policies">;

const optionsOf = (claim: Claim) => JSON.parse(claim.plan.options_json) as EventData<"plan.created">;

export function runModesOf({ runMode }: PolicyInForce, claim: Claim): NonNullable<DecisionRequest["runModes"]> {
  return { server: runMode, plan: optionsOf(claim).runMode ?? "consumer" };
}

/** The policy that holds for a claim's plan now. */
function policyOf({ policies }: Pick<StepDeps, "policies">, claim: Claim): Promise<PolicyInForce> {
  return policies.at({ path: claim.plan.repository_path, commit: optionsOf(claim).repository.baseCommit });
}

/** @throws StepFailed (policy) when nothing could be decided */
export async function requirePolicy(deps: Pick<StepDeps, "policies">, claim: Claim): Promise<PolicyInForce> {
  const policy = await policyOf(deps, claim);
  if (policy.problem === undefined) return policy;
  throw finalFailure("policy", policyUnavailable(policy.problem).message, "policy_denied");
}

/** A mode in which nothing would be allowed is told before a model is asked. @throws StepFailed (policy) */
function requireSameMode({ server, plan }: NonNullable<DecisionRequest["runModes"]>): void {
  if (server === plan) return;
  const message = `the plan was made in run mode ${plan} and the server runs in ${server}: \`ossaat retry\` makes a plan for this one`;
  throw finalFailure("policy", message, "policy_denied");
}

/** Tools the model of a step is offered. @throws StepFailed (policy) */
export async function offeredTools(
  deps: Pick<StepDeps, "policies">,
  claim: Claim,
  { profile, envelope }: { profile: AgentProfile; envelope: Envelope },
): Promise<ToolName[]> {
  const policy = await requirePolicy(deps, claim);
  const runModes = runModesOf(policy, claim);
  requireSameMode(runModes);
  return visibleTools(policy.engine, { profile, envelope, layers: policy.layers, runModes });
}

/** What the plan has cost up to now; null when some turn's price is unknown. */
export async function costOf(read: Reader, planId: string): Promise<number | null> {
  const row = await read
    .selectFrom("plan")
    .select(["spent_cost_usd", "unknown_cost_turns"])
    .where("id", "=", planId)
    .executeTakeFirstOrThrow();
  return row.unknown_cost_turns > 0 ? null : row.spent_cost_usd;
}

export function ownerOf({ planId, stepId, plan }: Claim): {
  planId: string;
  stepId: string;
  tenantId: string;
  user: string;
} {
  return { planId, stepId, tenantId: plan.tenant_id, user: plan.created_by };
}

export type DecidedCall = {
  decision: Decision;
  /** What a person would be asked about. */
  what: string;
  /** The call lies outside of the step's envelope. */
  outside: boolean;
  /** For the log, in the transaction of what follows. */
  event: NewEvent;
};

export async function decisionEvent(
  deps: DecidingDeps,
  claim: Claim,
  { callId, tool, what, decision }: { callId: string; tool: ToolName; what: string; decision: Decision },
): Promise<NewEvent> {
  const { outcome, deny, policyHash, input } = decision;
  return {
    type: "policy.decided",
    stepId: claim.stepId,
    attempt: claim.attempt,
    data: { callId, tool, what, outcome, deny, policyHash, input: await store(deps.engine.artifacts, input) },
  };
}

const asksAgain = ({ approval_policy: rules }: AgentProfile, capability: AgentCapability) =>
  rules[capability] === "human_approval";

/** Decides about a call of an agent, whose input has passed the tool's schema. */
export async function decideCall(
  deps: DecidingDeps,
  {
    claim,
    profile,
    envelope,
    stepHash,
    approvedHash,
  }: {
    claim: Claim;
    profile: AgentProfile;
    envelope: Envelope;
    stepHash: string;
    approvedHash: string | undefined;
  },
  { callId, tool, input }: { callId: string; tool: ToolName; input: unknown },
): Promise<DecidedCall> {
  const { read } = deps.engine.store;
  const { capability } = toolSpecs[tool];
  const policy = await policyOf(deps, claim);
  const check = checkEnvelope(envelope, { tool, input });
  const isNetworked = reachesNetwork({ tool, input }, envelope);
  const decision = decide(policy.engine, {
    agent: profile.name,
    profile,
    call: { tool, input },
    capability,
    envelope,
    envelopeCheck: check,
    step: {
      hash: stepHash,
      approvedHash,
      // The profile's own word, whatever an edited plan says of the step.
      approvalRequired: asksAgain(profile, capability) || (isNetworked && asksAgain(profile, "network.egress")),
      isApproved: await isStepApproved(read, claim, stepHash),
    },
    grants: await readGrants(read, claim.planId, claim.stepId),
    layers: policy.layers,
    costUsd: await costOf(read, claim.planId),
    runModes: runModesOf(policy, claim),
    owner: ownerOf(claim),
  });
  const what = check.inside ? `${describeCall(tool, input)}, which a rule lets a person decide` : check.what;
  const event = await decisionEvent(deps, claim, { callId, tool, what: describeCall(tool, input), decision });
  return { decision, what, outside: !check.inside, event };
}
