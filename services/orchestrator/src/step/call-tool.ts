// One tool call of a model: check it, ask policy, then run, refuse or park.
import { AgentError, boundDenials, toolInputs, toolSpecs } from "@ossaat/contracts";
import type { AgentProfile, Denial, Envelope, EventData, ToolName, WorkspaceId } from "@ossaat/contracts";
import type { ToolCallPart } from "@ossaat/providers";
import { explainEntries } from "@ossaat/policy/decision";
import { z } from "zod";

import { parkForCall } from "../approval/request-approval.ts";
import { recordProgress } from "../job/claim-step.ts";
import type { Claim } from "../job/engine.ts";
import { callQuestion, callRequestHash } from "../policy/call-question.ts";
import type { NewEvent } from "../event/append-events.ts";
import { decideCall } from "./decide-call.ts";
import type { DecidedCall } from "./decide-call.ts";
import { describeDenial } from "./decide-for-platform.ts";
import { describeCall } from "./describe-call.ts";
import { executeCall } from "./execute-call.ts";
import type { AllowedCall } from "./execute-call.ts";
import type { StepHistory } from "./history.ts";
import { stepLimits } from "./limits.ts";
import type { StepDeps } from "./step-deps.ts";

export type CallContext = {
  claim: Claim;
  profile: AgentProfile;
  envelope: Envelope;
  workspaceId: WorkspaceId;
  /** Hash of the step that runs, and of the one a person approved. */
  stepHash: string;
  approvedHash: string | undefined;
  /** Tools offered to the model. */
  offered: readonly string[];
};

export type CallOutcome = "done" | "parked";

type Answer = {
  callId: string;
  tool: string;
  state: "failed" | "denied";
  text: string;
  /** What was refused, for the audit. */
  denial?: Denial | undefined;
  decided?: readonly NewEvent[];
};

async function answer(
  deps: StepDeps,
  context: CallContext,
  { callId, tool, state, text, denial, decided = [] }: Answer,
): Promise<CallOutcome> {
  const summary = text.split("\n")[0] ?? text;
  const audit =
    denial === undefined
      ? []
      : [{ type: "audit.denied" as const, data: { callId, tool, denials: boundDenials([denial]) } }];
  await recordProgress(deps.engine, context.claim, ...decided, ...audit, {
    type: "tool.finished",
    data: { callId, tool, state, summary, output: { value: { text } }, seconds: 0 },
  });
  return "done";
}

function parseInput(call: ToolCallPart, tool: ToolName): { input: unknown; inputJson: string } | { problem: string } {
  const parsed = toolInputs[tool].safeParse(call.input ?? {});
  if (parsed.success) return { input: parsed.data, inputJson: JSON.stringify(parsed.data) };
  return { problem: `The arguments of ${tool} are not valid: ${z.prettifyError(parsed.error)}` };
}

function isOffered(name: string, offered: readonly string[]): name is ToolName {
  return offered.includes(name) && Object.hasOwn(toolInputs, name);
}

type Checked = { callId: string; tool: ToolName; input: unknown; inputJson: string };

function allowed(
  context: CallContext,
  checked: Checked,
  { policyHash, approvedOutside, decided }: Pick<AllowedCall, "policyHash" | "approvedOutside" | "decided">,
): AllowedCall {
  const { claim, envelope, workspaceId } = context;
  const { callId, tool, input, inputJson } = checked;
  return {
    claim,
    callId,
    tool,
    inputJson,
    title: describeCall(tool, input),
    envelope,
    workspaceId,
    policyHash,
    approvedOutside,
    decided,
  };
}

async function askOrUseAnswer(
  deps: StepDeps,
  context: CallContext,
  {
    checked,
    decided: { decision, what, event },
    history,
    signal,
  }: { checked: Checked; decided: DecidedCall; history: StepHistory; signal: AbortSignal },
): Promise<CallOutcome> {
  const { callId, tool, inputJson, input } = checked;
  const { claim, envelope, workspaceId, profile } = context;
  const { policyHash } = decision;
  const known = history.approvals.get(callId);
  const requestHash = callRequestHash({ tool, inputJson, workspaceId, envelope, policyHash });
  if (known?.status === "granted" && known.request.requestHash === requestHash) {
    await executeCall(deps, allowed(context, checked, { policyHash, approvedOutside: true, decided: event }), signal);
    return "done";
  }
  if (known?.status === "denied") {
    const isFlag = known.means === "flag";
    const why = known.feedback === undefined ? "" : ` ${isFlag ? "It" : "They"} said: ${known.feedback}`;
    const text = `${isFlag ? "A flag of the command, not a person," : "A person"} denied this call.${why} Do not try it again; find another way inside the envelope, or finish and say what is missing.`;
    return answer(deps, context, { callId, tool, state: "denied", text, decided: [event] });
  }
  const question = callQuestion({
    agent: profile.name,
    tool,
    input,
    inputJson,
    workspaceId,
    envelope,
    policyHash,
    what,
    policyRules: explainEntries(decision.deny, decision.input),
    isSandboxed: (JSON.parse(claim.plan.options_json) as EventData<"plan.created">).sandbox !== "none",
  });
  await parkForCall(deps.engine, claim, { callId, question, decided: event });
  return "parked";
}

/**
 * Handles one call of the last turn.
 * @throws AgentError tool_failed, unavailable; LeaseLost
 */
export async function callTool(
  deps: StepDeps,
  context: CallContext,
  { callId, call, history, signal }: { callId: string; call: ToolCallPart; history: StepHistory; signal: AbortSignal },
): Promise<CallOutcome> {
  const fail = (text: string, denial?: Denial) =>
    answer(deps, context, { callId, tool: call.name, state: "failed", text, denial });
  const index = Number(callId.split(".")[1]);
  if (index >= stepLimits.maxCallsPerTurn)
    return fail(`At most ${stepLimits.maxCallsPerTurn} calls of one turn are run; send the rest again.`);
  if (!isOffered(call.name, context.offered)) {
    const text = `There is no tool "${call.name}". The tools are: ${context.offered.join(", ")}.`;
    if (!Object.hasOwn(toolInputs, call.name)) return fail(text);
    return fail(text, { layer: "policy", rule: "tool_not_offered", what: `use the tool ${call.name}` });
  }
  const parsed = parseInput(call, call.name);
  if ("problem" in parsed) return fail(parsed.problem);
  const checked: Checked = { callId, tool: call.name, ...parsed };
  const decided = await decideCall(deps, context, checked);
  const { decision, what, outside, event } = decided;
  switch (decision.outcome) {
    case "allow": {
      const grant = { policyHash: decision.policyHash, approvedOutside: outside, decided: event };
      await executeCall(deps, allowed(context, checked, grant), signal);
      return "done";
    }
    case "ask":
      return askOrUseAnswer(deps, context, { checked, decided, history, signal });
    case "deny": {
      const text = `Not allowed: ${what} (${describeDenial(decision)}). Stay inside the step's envelope.`;
      // What a person could have allowed is not what refused it.
      const rule = decision.deny.find(({ reason }) => reason !== "approval_required")?.reason ?? "denied";
      const denial: Denial = { layer: "policy", rule, what };
      return answer(deps, context, { callId, tool: call.name, state: "denied", text, denial, decided: [event] });
    }
  }
}

/** The tool schema a model is shown. @throws AgentError internal for an unknown tool */
export function toolDefinition(name: string): {
  name: string;
  description: string;
  inputSchema: Record<string, unknown>;
} {
  if (!Object.hasOwn(toolInputs, name)) throw new AgentError("internal", `unknown tool ${name}`);
  const tool = name as ToolName;
  const inputSchema = z.toJSONSchema(toolInputs[tool], { io: "input" }) as Record<string, unknown>;
  return { name, description: toolSpecs[tool].description, inputSchema };
}
