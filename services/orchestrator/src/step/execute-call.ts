// Runs one allowed tool call on the tool runner and records its start and its end. The start
// is the intent: a call that began and has no end was interrupted.
import {
  AgentError,
  Denial,
  boundDenials,
  demandSandbox,
  egressUseMetadata,
  hashGrant,
  hashJson,
  toolSpecs,
  unreachableReason,
} from "@ossaat/contracts";
import type { Envelope, Stored, ToolEvent, ToolInvocation, ToolName, ToolOutput, WorkspaceId } from "@ossaat/contracts";
import { reachesNetwork } from "@ossaat/policy";
import { currentTraceparent, toolCallEnd, toolCallSpan, withSpan } from "@ossaat/telemetry";

import type { NewEvent } from "../event/append-events.ts";
import { store } from "../artifact/artifacts.ts";
import { changeClaimed } from "../job/claim-step.ts";
import type { Claim } from "../job/engine.ts";
import { hashResult } from "./hash-result.ts";
import { sumEgressUse } from "./sum-egress-use.ts";
import type { StepDeps } from "./step-deps.ts";

export type AllowedCall = {
  claim: Claim;
  callId: string;
  tool: ToolName;
  inputJson: string;
  /** One line for people. */
  title: string;
  envelope: Envelope;
  workspaceId: WorkspaceId;
  policyHash: string;
  approvedOutside: boolean;
  timeoutSeconds?: number;
  /** The decision that let it run, recorded with its start. */
  decided: NewEvent;
};

type Terminal = Exclude<ToolEvent, { state: "running" }>;

function invocationOf(call: AllowedCall, metadata: ToolInvocation["metadata"]): ToolInvocation {
  const { claim, callId, tool, inputJson, envelope, workspaceId, policyHash, approvedOutside } = call;
  const grant = hashGrant({ tool, inputJson, workspaceId, envelope, approvedOutside, policyHash });
  return {
    invocationId: `${claim.planId}:${claim.stepId}:${claim.attempt}:${callId}`,
    planId: claim.planId,
    stepId: claim.stepId,
    attempt: claim.attempt,
    tool,
    capability: toolSpecs[tool].capability,
    inputJson,
    workspaceId,
    timeoutSeconds: call.timeoutSeconds ?? 0,
    envelope,
    approvedOutside,
    policyHash,
    grant,
    metadata,
    fence: claim.fence,
  };
}

async function recordStart(
  deps: StepDeps,
  call: AllowedCall,
  { invocationId, argsHash }: { invocationId: string; argsHash: string },
): Promise<void> {
  const { claim, callId, tool, title, approvedOutside } = call;
  const intent = toolSpecs[tool].effect === "pure" ? null : callId;
  await changeClaimed(deps.engine, claim, async (change) => {
    await setIntent(change.tx, claim, intent);
    await change.append(call.decided, {
      type: "tool.started",
      stepId: claim.stepId,
      attempt: claim.attempt,
      data: { callId, invocationId, tool, title, argsHash, approvedOutside },
    });
  });
}

async function setIntent(
  tx: Parameters<Parameters<typeof changeClaimed>[2]>[0]["tx"],
  claim: Claim,
  callId: string | null,
): Promise<void> {
  await tx
    .updateTable("step")
    .set({ intent_call_id: callId })
    .where("plan_id", "=", claim.planId)
    .where("step_id", "=", claim.stepId)
    .execute();
}

async function runToEnd(
  deps: StepDeps,
  invocation: ToolInvocation,
  { callId, signal }: { callId: string; signal: AbortSignal },
): Promise<Terminal> {
  let terminal: Terminal | undefined;
  const traceparent = currentTraceparent();
  const options = { signal, ...(traceparent === undefined ? {} : { traceparent }) };
  for await (const event of deps.tools.execute(invocation, options)) {
    if (event.state !== "running") {
      terminal = event;
      continue;
    }
    if (event.chunk === undefined || event.chunk.channel === "progress") continue;
    const { planId, stepId } = invocation;
    deps.engine.bus.live({
      type: "tool.output",
      planId,
      stepId,
      callId,
      channel: event.chunk.channel,
      text: event.chunk.data,
    });
  }
  signal.throwIfAborted();
  if (terminal === undefined) {
    throw new AgentError("tool_failed", `The tool ${invocation.tool} ended without a result.`, {
      details: { retryable: true },
    });
  }
  return terminal;
}

/** What the runner says it refused: part of a result, or of the error of a call it refused whole. */
function denialsOf(terminal: Terminal): Denial[] {
  const named = terminal.state === "completed" ? terminal.output.denials : terminal.error.details?.["denials"];
  const read = Denial.array().safeParse(named ?? terminal.output?.denials ?? []);
  return read.success ? boundDenials(read.data) : [];
}

function exitCodeOf(terminal: Terminal): number | null | undefined {
  return terminal.output?.commands?.at(-1)?.exitCode;
}

async function runTraced(
  deps: StepDeps,
  call: AllowedCall,
  { invocation, argsHash, signal }: { invocation: ToolInvocation; argsHash: string; signal: AbortSignal },
): Promise<Terminal> {
  const { claim, callId, tool } = call;
  const { planId, stepId, attempt } = claim;
  return withSpan(toolCallSpan({ planId, stepId, attempt, tool, callId, argsHash }), async (span) => {
    const terminal = await runToEnd(deps, invocation, { callId, signal });
    const { state, output } = terminal;
    const changedPaths = output?.changedPaths?.length;
    span.set(toolCallEnd({ state, exitCode: exitCodeOf(terminal), changedPaths, unsandboxed: output?.unsandboxed }));
    if (terminal.state !== "completed") span.fail(terminal.error.code);
    return terminal;
  });
}

function resultOf(terminal: Terminal): ToolOutput {
  if (terminal.state === "completed") return terminal.output;
  const text = `${terminal.error.message}${terminal.output === undefined ? "" : `\n${terminal.output.text}`}`;
  return { ...terminal.output, text };
}

async function recordEnd(
  deps: StepDeps,
  call: AllowedCall,
  { terminal, output, seconds }: { terminal: Terminal; output: Stored; seconds: number },
): Promise<void> {
  const { claim, callId, tool } = call;
  const result = terminal.output;
  const exitCode = exitCodeOf(terminal);
  const denials = denialsOf(terminal);
  await changeClaimed(deps.engine, claim, async (change) => {
    await setIntent(change.tx, claim, null);
    const place = { stepId: claim.stepId, attempt: claim.attempt };
    if (denials.length > 0) await change.append({ type: "audit.denied", ...place, data: { callId, tool, denials } });
    await change.append({
      type: "tool.finished",
      ...place,
      data: {
        callId,
        tool,
        state: terminal.state,
        summary: terminal.summary,
        output,
        seconds,
        ...(result?.snapshot === undefined ? {} : { snapshot: result.snapshot }),
        ...(exitCode === undefined ? {} : { exitCode }),
        resultHash: hashResult(tool, resultOf(terminal)),
        ...(result?.unsandboxed === true ? { unsandboxed: true } : {}),
      },
    });
    for (const record of result?.egress_requests ?? []) {
      const data = { ...record, callId };
      await change.append({ type: "egress.decided", stepId: claim.stepId, attempt: claim.attempt, data });
    }
  });
}

async function metadataOf(
  deps: StepDeps,
  { claim, tool, inputJson, envelope }: AllowedCall,
): Promise<ToolInvocation["metadata"]> {
  const demand = deps.isSandboxRequired === true ? demandSandbox() : {};
  if (!reachesNetwork({ tool, input: JSON.parse(inputJson) }, envelope)) return demand;
  return { ...demand, ...egressUseMetadata(await sumEgressUse(deps.engine.store.read, claim)) };
}

/**
 * Lets pass what is a result of a call; the intent of any other stays.
 * @throws AgentError unavailable
 */
function requireResult(terminal: Terminal): void {
  if (terminal.state === "completed") return;
  // Nothing ran, and no model can mend it: the step waits and tries again.
  if (terminal.state === "failed" && terminal.error.code === "unavailable") {
    const { code, message, details } = terminal.error;
    throw new AgentError(code, message, details === undefined ? {} : { details });
  }
  // Nobody here asked for it: the runner cut the call, whose effect is as unknown as that of one that was killed.
  if (terminal.state === "cancelled") {
    const next = "`ossaat doctor` says how the tool runner is; the step is tried again by itself";
    throw new AgentError("unavailable", "The tool runner ended the call, which nobody had cancelled.", {
      details: { reason: unreachableReason, next },
    });
  }
}

/**
 * Executes and records one call; a tool that fails is a recorded result, not an error.
 * @throws AgentError tool_failed, unavailable (the runner is out of reach, cannot run it now, or cut it), LeaseLost
 */
export async function executeCall(deps: StepDeps, call: AllowedCall, signal: AbortSignal): Promise<ToolOutput> {
  const invocation = invocationOf(call, await metadataOf(deps, call));
  const argsHash = hashJson({ tool: call.tool, inputJson: call.inputJson });
  await recordStart(deps, call, { invocationId: invocation.invocationId, argsHash });
  const startedAt = deps.engine.clock.monotonic();
  const terminal = await runTraced(deps, call, { invocation, argsHash, signal });
  requireResult(terminal);
  const result = resultOf(terminal);
  const output = await store(deps.engine.artifacts, result);
  await recordEnd(deps, call, { terminal, output, seconds: (deps.engine.clock.monotonic() - startedAt) / 1000 });
  return result;
}
