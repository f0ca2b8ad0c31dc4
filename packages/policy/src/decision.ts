// Public names for those who decide: the rules, their input and the policy files. The envelope
// check and other pure rules are in the package's main entry, which loads none of this.
export { answerOf, decide, policyHash, visibleTools } from "./decide.ts";
export type { Decision } from "./decide.ts";
export { explainEntries, ruleText } from "./explain-rule.ts";
export { loadPolicy, shippedPolicy } from "./load-policy.ts";
export { evaluateCandidate } from "./evaluate-candidate.ts";
export { createPolicyEngine, unavailableEngine } from "./policy-engine.ts";
export type { Evaluation, PolicyEngine } from "./policy-engine.ts";
export { hashCall, withLayers } from "./policy-input.ts";
export type { ApprovalGrant, DecisionRequest, PolicyProfile } from "./policy-input.ts";
export { parsePolicyFile } from "./policy-layer.ts";
export type { LayerRule, PolicyLayer } from "./policy-layer.ts";
