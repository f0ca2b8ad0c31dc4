// What the platform does by itself for a step: its checks, and the commit. Approved with the plan,
// so only what a policy file denies outright stands against it.
import { AgentCapability, toolSpecs } from "@ossaat/contracts";
import type { Envelope, ToolName } from "@ossaat/contracts";
import { explainEntries, ruleText, decide, hashCall } from "@ossaat/policy/decision";
import type { Decision, PolicyProfile } from "@ossaat/policy/decision";

import type { NewEvent } from "../event/append-events.ts";
import type { Claim } from "../job/engine.ts";
import type { PolicyInForce } from "../policy/policies.ts";
import { costOf, decisionEvent, ownerOf, requirePolicy, runModesOf } from "./decide-call.ts";
import type { DecidingDeps } from "./decide-call.ts";
import { describeCall } from "./describe-call.ts";
import { finalFailure } from "./step-failed.ts";

/** It holds everything, so that only the rules of policy files bind it. */
const platform: PolicyProfile = { name: "platform", capabilities: AgentCapability.options, approval_policy: {} };

type PlatformCall = { tool: ToolName; input: unknown; envelope: Envelope };

function decideAs(
  policy: PolicyInForce,
  claim: Claim,
  { tool, input, envelope, costUsd }: PlatformCall & { costUsd: number | null },
): Decision {
  const call = { tool, input };
  return decide(policy.engine, {
    agent: platform.name,
    profile: platform,
    call,
    capability: toolSpecs[tool].capability,
    envelope,
    envelopeCheck: { inside: true },
    step: { hash: "", approvalRequired: false, isApproved: false },
    grants: [{ scope: "call", tool, subject: hashCall(call) }],
    layers: policy.layers,
    costUsd,
    runModes: runModesOf(policy, claim),
    owner: ownerOf(claim),
  });
}

/** The rules that deny, each with the file and line it stands on and its reason. */
export function describeDenial({ deny, input, problem }: Pick<Decision, "deny" | "input" | "problem">): string {
  const refusing = deny.filter(({ reason }) => reason !== "approval_required");
  const rules = explainEntries(refusing, input).map((entry) => `${entry.reason} by ${ruleText(entry)}`);
  return problem === undefined ? rules.join(", ") : `${rules.join(", ")}: ${problem}`;
}

/**
 * Lets the platform make a call, and says so for the log.
 * @throws StepFailed (policy) when a rule denies it
 */
export async function allowPlatformCall(
  deps: DecidingDeps,
  claim: Claim,
  { callId, ...call }: PlatformCall & { callId: string },
): Promise<NewEvent> {
  const policy = await requirePolicy(deps, claim);
  const decision = decideAs(policy, claim, { ...call, costUsd: await costOf(deps.engine.store.read, claim.planId) });
  const what = describeCall(call.tool, call.input);
  if (decision.outcome === "allow") return decisionEvent(deps, claim, { callId, tool: call.tool, what, decision });
  throw finalFailure("policy", `The platform may not ${what}: ${describeDenial(decision)}`, "policy_denied");
}

/** Paths of a diff that a rule denies to write, whoever wrote them, each with the rule. */
export async function findDeniedPaths(
  deps: DecidingDeps,
  claim: Claim,
  { paths, envelope }: { paths: readonly string[]; envelope: Envelope },
): Promise<string[]> {
  const policy = await requirePolicy(deps, claim);
  if (policy.layers.every(({ rules }) => rules.length === 0)) return [];
  const costUsd = await costOf(deps.engine.store.read, claim.planId);
  return paths.flatMap((path) => {
    const decision = decideAs(policy, claim, { tool: "write_file", input: { path }, envelope, costUsd });
    return decision.outcome === "deny" ? [`${JSON.stringify(path)} (${describeDenial(decision)})`] : [];
  });
}

/** What the model is told about denied paths. */
export function deniedText(denied: readonly string[]): string {
  return `These files must not be changed: ${denied.join(", ")}. Undo these changes, so that the files are as they were when the step began, and then finish.`;
}
