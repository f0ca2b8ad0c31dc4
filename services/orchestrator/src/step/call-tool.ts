// One tool call of a model: check it, ask policy, then run, refuse or park.
import { AgentError, boundDenials, toolInputs, toolSpecs } from "@ossaat/contracts";
import type {
  AgentCapability,
  AgentProfile,
  Denial,
  Envelope,
  EventData,
  ToolName,
  WorkspaceId,
} from "@ossaat/contracts";
import { checkEnvelope, decide, reachesNetwork } from "@ossaat/policy";
import type { ToolCallPart } from "@ossaat/providers";
import { z } from "zod";

import { parkForCall } from "../approval/request-approval.ts";
import { recordProgress } from "../job/claim-step.ts";
import type { Claim } from "../job/engine.ts";
import { callQuestion, callRequestHash } from "../policy/call-question.ts";
import { isStepApproved, readGrants } from "../policy/granted-scopes.ts";
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

async function answer(
  deps: StepDeps,
  context: CallContext,
  {
    callId,
    tool,
    state,
    text,
    denial,
  }: { callId: string; tool: string; state: "failed" | "denied"; text: string; denial?: Denial | undefined },
): Promise<CallOutcome> {
  const summary = text.split("\n")[0] ?? text;
  const audit =
    denial === undefined
      ? []
      : [{ type: "audit.denied" as const, data: { callId, tool, denials: boundDenials([denial]) } }];
  await recordProgress(deps.engine, context.claim, ...audit, {
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

async function decideCall(deps: StepDeps, context: CallContext, { tool, input }: Checked) {
  const { claim, profile, envelope } = context;
  const check = checkEnvelope(envelope, { tool, input });
  const grants = await readGrants(deps.engine.store.read, claim.planId, claim.stepId);
  const isNetworked = reachesNetwork({ tool, input }, envelope);
  const asksAgain = (capability: AgentCapability) => profile.approval_policy[capability] === "human_approval";
  const decision = decide({
    profile,
    call: { tool, input },
    capability: toolSpecs[tool].capability,
    envelopeCheck: check,
    reachesNetwork: isNetworked,
    approval: {
      planHash: context.stepHash,
      ...(context.approvedHash === undefined ? {} : { approvedPlanHash: context.approvedHash }),
      // The profile's own word, whatever an edited plan says of the step.
      stepApprovalRequired: asksAgain(toolSpecs[tool].capability) || (isNetworked && asksAgain("network.egress")),
      stepApproved: await isStepApproved(deps.engine.store.read, claim, context.stepHash),
    },
    grants,
  });
  const what = check.inside ? `use ${tool}, which its profile lets a person decide` : check.what;
  return { decision, what, outside: !check.inside };
}

function allowed(
  context: CallContext,
  checked: Checked,
  { policyHash, approvedOutside }: { policyHash: string; approvedOutside: boolean },
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
  };
}

async function askOrUseAnswer(
  deps: StepDeps,
  context: CallContext,
  {
    checked,
    policyHash,
    what,
    history,
    signal,
  }: { checked: Checked; policyHash: string; what: string; history: StepHistory; signal: AbortSignal },
): Promise<CallOutcome> {
  const { callId, tool, inputJson, input } = checked;
  const { claim, envelope, workspaceId, profile } = context;
  const known = history.approvals.get(callId);
  const requestHash = callRequestHash({ tool, inputJson, workspaceId, envelope, policyHash });
  if (known?.status === "granted" && known.request.requestHash === requestHash) {
    await executeCall(deps, allowed(context, checked, { policyHash, approvedOutside: true }), signal);
    return "done";
  }
  if (known?.status === "denied") {
    const why = known.feedback === undefined ? "" : ` They said: ${known.feedback}`;
    const text = `A person denied this call.${why} Do not try it again; find another way inside the envelope, or finish and say what is missing.`;
    return answer(deps, context, { callId, tool, state: "denied", text });
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
    isSandboxed: (JSON.parse(claim.plan.options_json) as EventData<"plan.created">).sandbox !== "none",
  });
  await parkForCall(deps.engine, claim, { callId, question });
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
  const { decision, what, outside } = await decideCall(deps, context, checked);
  if (decision.allow) {
    const grant = { policyHash: decision.policyHash, approvedOutside: outside };
    await executeCall(deps, allowed(context, checked, grant), signal);
    return "done";
  }
  if (!decision.requiresApproval) {
    const reasons = decision.deny.map(({ reason }) => reason);
    const text = `Not allowed: ${what} (${reasons.join(", ")}). Stay inside the step's envelope.`;
    // What a person could have allowed is not what refused it.
    const rule = reasons.find((reason) => reason !== "approval_required") ?? "denied";
    const denial: Denial = { layer: "policy", rule, what };
    return answer(deps, context, { callId, tool: checked.tool, state: "denied", text, denial });
  }
  return askOrUseAnswer(deps, context, { checked, policyHash: decision.policyHash, what, history, signal });
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
