// Why a rule decides as it does, in words for people and for the agent: the reason a policy file
// states, or what a built-in rule stands for.
import type { DenyEntry, ExplainedEntry, PolicyInput } from "@ossaat/contracts";

/** What each rule of `infra/policies` that no policy file brought stands for. */
export const ruleMeanings: Readonly<Record<string, string>> = {
  malformed_input: "a fact that the decision needs is missing, so nothing is allowed",
  no_decision: "the rules gave no answer, so nothing is allowed",
  profile_missing: "the step names an agent that has no profile here",
  run_mode: "the plan was made for another run mode than the server's",
  tool_without_capability: "the tool has no capability, so it is offered to nobody",
  unknown_capability: "the capability is none that this version knows",
  capability_not_held: "the agent's profile does not hold this capability",
  denied_by_profile: "the agent's profile denies this capability",
  cannot_be_approved: "it lies outside of what the plan was approved for, and nobody may approve it by the way",
  outside_envelope: "it lies outside of what the plan was approved for, so a person is asked",
  plan_not_approved: "the step needs an approved plan, and no person has approved it as it is now",
  step_not_approved: "the agent's profile wants a person to approve each such step before it runs",
};

function reasonOf({ layer, rule, source }: DenyEntry, layers: PolicyInput["context"]["layers"]): string | undefined {
  const found = layers
    .filter(({ name }) => name === layer)
    .flatMap(({ rules }) => rules)
    .find(({ id, source: place }) => id === rule && (source === undefined || place === source));
  if (found === undefined) return undefined;
  return found.reason ?? `the policy file says ${found.effect} and gives no reason`;
}

/** What stands against a call, each with its why. */
export function explainEntries(
  deny: readonly DenyEntry[],
  { context }: Pick<PolicyInput, "context">,
): ExplainedEntry[] {
  return deny.map((entry) => {
    const why = reasonOf(entry, context.layers) ?? ruleMeanings[entry.rule] ?? "no reason is known";
    return { ...entry, why };
  });
}

/** `user rule no-src (policy.json:3): generated code` */
export function ruleText({ layer, rule, source, why }: ExplainedEntry): string {
  return `${layer} rule ${rule}${source === undefined ? "" : ` (${source})`}: ${why}`;
}
