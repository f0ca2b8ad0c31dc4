// Everything that is checked before a tool runs: who granted it, what it asks, whether that lies
// inside the envelope. The model's word and the caller's word both count for nothing here.
import { AgentError, hashGrant, toolInputs, toolSpecs } from "@ossaat/contracts";
import type { ToolInput, ToolInvocation, ToolName } from "@ossaat/contracts";
import { checkEnvelope } from "@ossaat/policy";
import { z } from "zod";

export type CheckedCall = { [N in ToolName]: { name: N; input: ToolInput<N> } }[ToolName];

/** Bytes of arguments; a larger text is written in parts. */
const maxInputBytes = 2 * 1024 * 1024;

function parseJson(text: string): unknown {
  if (Buffer.byteLength(text) > maxInputBytes) {
    throw new AgentError("limit_exceeded", `The arguments are larger than ${maxInputBytes} bytes.`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AgentError("invalid_input", "The arguments are not valid JSON.", { cause: error });
  }
}

function checkGrant(invocation: ToolInvocation, now: Date): void {
  if (hashGrant(invocation) !== invocation.grant) {
    throw new AgentError("policy_denied", "The grant does not fit this call: it was given for something else.", {
      details: { reason: "grant_mismatch" },
    });
  }
  const { grantExpiresAt } = invocation;
  // Written this way round so that a time that cannot be read counts as past.
  if (grantExpiresAt !== undefined && !(Date.parse(grantExpiresAt) > now.getTime())) {
    throw new AgentError("policy_denied", "The grant has expired; it must be given again.", {
      details: { reason: "grant_expired" },
    });
  }
}

/**
 * @throws AgentError policy_denied (grant or envelope), invalid_input (arguments), not_found (tool)
 */
export function checkInvocation(invocation: ToolInvocation, now: Date): CheckedCall {
  const { tool } = invocation;
  checkGrant(invocation, now);
  if (!Object.hasOwn(toolInputs, tool)) throw new AgentError("not_found", `There is no tool named ${tool}.`);
  const name = tool as ToolName;
  if (invocation.capability !== toolSpecs[name].capability) {
    throw new AgentError("policy_denied", `${name} needs the capability ${toolSpecs[name].capability}.`);
  }
  const parsed = toolInputs[name].safeParse(parseJson(invocation.inputJson));
  if (!parsed.success) {
    throw new AgentError("invalid_input", `The arguments do not fit ${name}: ${z.prettifyError(parsed.error)}`);
  }
  const check = checkEnvelope(invocation.envelope, { tool: name, input: parsed.data });
  if (!check.inside && !(invocation.approvedOutside && check.approvable)) {
    throw new AgentError("policy_denied", `Outside what was approved: ${check.what}.`, {
      details: { reason: check.reason, what: check.what },
    });
  }
  return { name, input: parsed.data } as CheckedCall;
}
