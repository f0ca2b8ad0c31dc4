// Requests to decide about, for tests.
import { Envelope, toolSpecs } from "@ossaat/contracts";
import type { ToolName } from "@ossaat/contracts";

import type { DecisionRequest, PolicyProfile } from "../policy-input.ts";
import { parsePolicyFile } from "../policy-layer.ts";
import type { PolicyLayer } from "../policy-layer.ts";

export const writer: PolicyProfile = {
  name: "code-writer",
  capabilities: ["repo.read", "repo.write", "test.run"],
  approval_policy: {},
};

export const testEnvelope = Envelope.parse({
  tools: ["read_file", "write_file", "run_command", "run_tests"],
  paths: ["src/**"],
  commands: ["npm test"],
});

export const writeCall = (path: string) => ({ tool: "write_file", input: { path, content: "x" } });
export const runCall = (...argv: string[]) => ({ tool: "run_command", input: { argv } });

/** A write inside of the envelope of an approved step, unless `changes` say otherwise. */
export function request(changes: Partial<DecisionRequest> = {}): DecisionRequest {
  const call = changes.call ?? writeCall("src/a.ts");
  return {
    agent: "code-writer",
    profile: writer,
    call,
    capability: toolSpecs[call.tool as ToolName].capability,
    envelope: testEnvelope,
    step: approvedStep,
    grants: [],
    layers: [],
    costUsd: 0,
    ...changes,
  };
}

export const approvedStep = { hash: "h", approvedHash: "h", approvalRequired: false, isApproved: false };
export const unapprovedStep = { hash: "h", approvalRequired: false, isApproved: false };

/** A policy file of these rules. @throws Error when it is not valid */
export function layer(name: PolicyLayer["name"], rules: readonly object[]): PolicyLayer {
  const parsed = parsePolicyFile(JSON.stringify({ rules }), { file: `${name}.json`, name });
  if ("problems" in parsed) throw new Error(parsed.problems.map(({ message }) => message).join("; "));
  return parsed.layer;
}
