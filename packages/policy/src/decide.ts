// The decision about one tool call: allow, ask or deny. The rules are those of `infra/policies`;
// this asks them, and denies where they give no answer.
import { hashJson, toolSpecs } from "@ossaat/contracts";
import type { DenyEntry, PolicyInput, PolicyOutcome, Sha256, ToolName } from "@ossaat/contracts";

import type { Evaluation, PolicyEngine } from "./policy-engine.ts";
import { buildPolicyInput } from "./policy-input.ts";
import type { DecisionRequest, PolicyProfile } from "./policy-input.ts";

export type Decision = {
  outcome: PolicyOutcome;
  /** What stands against the call, in a stable order; empty = allowed. */
  deny: DenyEntry[];
  policyHash: Sha256;
  input: PolicyInput;
  /** Why the rules gave no answer. */
  problem?: string;
};

const hashes = new WeakMap<object, Sha256>();

/** Hash of a value that is not changed while it is used; computed once per object. */
function hashOnce(value: object, make: () => unknown): Sha256 {
  const known = hashes.get(value);
  if (known !== undefined) return known;
  const hash = hashJson(make());
  hashes.set(value, hash);
  return hash;
}

const noProfile = {};

/** Hash of the rules and all settings they read; it changes whenever a decision could. */
export function policyHash(
  engine: Pick<PolicyEngine, "hash">,
  { profile, layers, runModes }: Pick<DecisionRequest, "profile" | "layers" | "runModes">,
): Sha256 {
  const settings = hashOnce(profile ?? noProfile, () =>
    profile === undefined
      ? null
      : {
          name: profile.name,
          capabilities: [...profile.capabilities].sort(),
          approvalPolicy: { ...profile.approval_policy },
        },
  );
  const runMode = runModes?.server ?? "consumer";
  return hashJson({ rules: engine.hash, profile: settings, layers: hashOnce(layers, () => layers), runMode });
}

const orderOf = ({ layer, reason, rule, capability = "" }: DenyEntry) => [layer, reason, rule, capability].join("\0");

/** The order of a set in Rego says nothing and is not stable. */
function sorted(deny: readonly DenyEntry[]): DenyEntry[] {
  return deny.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
}

type Answer = Pick<Decision, "outcome" | "deny" | "problem">;

const unavailable: DenyEntry = { reason: "policy_unavailable", layer: "built-in", rule: "no_decision" };

/** Asks the rules about an input. No answer, or one of the wrong shape, is a denial. */
export function decideInput(engine: PolicyEngine, input: PolicyInput): Answer {
  return answerOf(engine.evaluate(input));
}

/** The answer an evaluation stands for. */
export function answerOf(evaluation: Evaluation): Answer {
  if ("problem" in evaluation) return { outcome: "deny", deny: [unavailable], problem: evaluation.problem };
  const { allow, deny, requires_approval: asks } = evaluation.result;
  if (allow) return { outcome: "allow", deny: [] };
  return { outcome: asks ? "ask" : "deny", deny: sorted(deny) };
}

/** Decides about one call. */
export function decide(engine: PolicyEngine, request: DecisionRequest): Decision {
  const input = buildPolicyInput(request);
  return { ...decideInput(engine, input), policyHash: policyHash(engine, request), input };
}

export type VisibilitySubject = Pick<DecisionRequest, "envelope" | "layers" | "runModes"> & { profile: PolicyProfile };

/** Whether a model may see a tool: nothing that no person could allow stands against every use of it. */
function isVisible(
  engine: PolicyEngine,
  name: ToolName,
  { profile, envelope, layers, runModes }: VisibilitySubject,
): boolean {
  if (!envelope.tools.includes(name)) return false;
  const { outcome } = decide(engine, {
    agent: profile.name,
    profile,
    call: { tool: name, input: {} },
    capability: toolSpecs[name].capability,
    envelope,
    envelopeCheck: { inside: true },
    step: { hash: "", approvalRequired: false, isApproved: false },
    grants: [],
    layers,
    costUsd: 0,
    runModes,
  });
  return outcome !== "deny";
}

/** Tools a model may see: in the envelope, and not denied whatever they are called with. */
export function visibleTools(engine: PolicyEngine, subject: VisibilitySubject): ToolName[] {
  const names = Object.keys(toolSpecs) as ToolName[];
  return names.filter((name) => isVisible(engine, name, subject));
}
