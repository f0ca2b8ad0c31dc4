// Tool calls and their events between the contract's types and the wire's.
import { AgentError, Envelope, errorTable } from "@ossaat/contracts";
import type {
  ErrorCode,
  ToolEvent,
  ToolInvocation,
  ToolOutput,
  ToolRunnerHealth,
  WorkspaceId,
} from "@ossaat/contracts";
import type {
  HealthResponse,
  ToolEvent as WireEvent,
  ToolInvocation as WireInvocation,
} from "@ossaat/contracts/proto/agent";
import { z } from "zod";

type Names = { invocationId: string; planId: string; stepId: string };

/** @throws AgentError invalid_input when a key of the metadata is one that objects of JavaScript cannot hold */
export function toWireInvocation(invocation: ToolInvocation): WireInvocation {
  const { envelope, grantExpiresAt = "", afterSeq = 0, fence, ...same } = invocation;
  // The generated decoder would lose it without a word.
  if (Object.hasOwn(same.metadata, "__proto__")) {
    throw new AgentError("invalid_input", "Metadata cannot have the key __proto__.");
  }
  return {
    ...same,
    // Information the orchestrator keeps; the runner decides by the grant alone.
    capabilityLabel: "",
    labels: [],
    approvalRequired: false,
    envelopeJson: JSON.stringify(envelope),
    grantExpiresAt,
    afterSeq,
    fence,
  };
}

function readJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AgentError("invalid_input", `The ${what} is not valid JSON.`, { cause: error });
  }
}

/** @throws AgentError invalid_input when the message has no invocation or its envelope is none */
export function fromWireInvocation(wire: WireInvocation | undefined): ToolInvocation {
  if (wire === undefined || wire.invocationId === "") {
    throw new AgentError("invalid_input", "The request names no invocation.");
  }
  const envelope = Envelope.safeParse(readJson(wire.envelopeJson, "envelope"));
  if (!envelope.success) {
    throw new AgentError("invalid_input", `The envelope is not valid: ${z.prettifyError(envelope.error)}`);
  }
  const { invocationId, planId, stepId, attempt, tool, capability, inputJson, timeoutSeconds, metadata } = wire;
  return {
    invocationId,
    planId,
    stepId,
    attempt,
    tool,
    capability,
    inputJson,
    timeoutSeconds,
    metadata,
    workspaceId: wire.workspaceId as WorkspaceId,
    envelope: envelope.data,
    approvedOutside: wire.approvedOutside,
    policyHash: wire.policyHash,
    grant: wire.grant,
    ...(wire.grantExpiresAt === "" ? {} : { grantExpiresAt: wire.grantExpiresAt }),
    ...(wire.fence === undefined ? {} : { fence: wire.fence }),
    ...(wire.afterSeq === 0 ? {} : { afterSeq: wire.afterSeq }),
  };
}

export function toWireEvent(event: ToolEvent, { invocationId, planId, stepId }: Names): WireEvent {
  const names = { invocationId, planId, stepId };
  const { seq, state, occurredAt } = event;
  const common = { ...names, seq, state, occurredAt, chunk: undefined, error: undefined, summary: "", outputJson: "" };
  if (event.state === "running") {
    if (event.chunk === undefined) return common;
    return { ...common, chunk: { channel: event.chunk.channel, data: Buffer.from(event.chunk.data, "utf8") } };
  }
  const outputJson = event.output === undefined ? "" : JSON.stringify(event.output);
  if (event.state === "completed") return { ...common, summary: event.summary, outputJson };
  const { code, message, details } = event.error;
  const detailsJson = details === undefined ? "" : JSON.stringify(details);
  return { ...common, summary: event.summary, outputJson, error: { code, message, detailsJson } };
}

const channels = ["stdout", "stderr", "progress"] as const;

function broken(what: string): AgentError {
  return new AgentError("tool_failed", `The tool runner sent ${what}.`, { details: { retryable: false } });
}

function readObject(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw broken(`${what} that cannot be read`);
    throw error;
  }
}

function readError(wire: WireEvent): { code: ErrorCode; message: string; details?: Record<string, unknown> } {
  const { code = "", message = "", detailsJson = "" } = wire.error ?? {};
  const known = Object.hasOwn(errorTable, code) ? (code as ErrorCode) : "tool_failed";
  const details = detailsJson === "" ? {} : { details: readObject(detailsJson, "details") as Record<string, unknown> };
  return { code: known, message, ...details };
}

/** @throws AgentError tool_failed for an event that is none */
export function fromWireEvent(wire: WireEvent): ToolEvent {
  const { seq, occurredAt, summary } = wire;
  if (wire.state === "running") {
    if (wire.chunk === undefined) return { seq, state: "running", occurredAt };
    const channel = channels.find((name) => name === wire.chunk?.channel) ?? "progress";
    const data = Buffer.from(wire.chunk.data).toString("utf8");
    return { seq, state: "running", occurredAt, chunk: { channel, data } };
  }
  const output = wire.outputJson === "" ? undefined : (readObject(wire.outputJson, "a result") as ToolOutput);
  if (wire.state === "completed") {
    if (output === undefined) throw broken("a completed call without a result");
    return { seq, state: "completed", occurredAt, summary, output };
  }
  if (wire.state !== "failed" && wire.state !== "cancelled") throw broken("an event of an unknown state");
  const rest = output === undefined ? {} : { output };
  return { seq, state: wire.state, occurredAt, summary, ...rest, error: readError(wire) };
}

export function toWireHealth({ status, sandbox }: ToolRunnerHealth): HealthResponse {
  return { status, sandbox: { driver: sandbox.driver, detail: sandbox.detail, fix: sandbox.fix ?? "" } };
}

const drivers = ["bubblewrap", "container", "none", "unavailable"] as const;

export function fromWireHealth({ status, sandbox }: HealthResponse): ToolRunnerHealth {
  const driver = drivers.find((name) => name === sandbox?.driver) ?? "unavailable";
  const fix = sandbox?.fix ?? "";
  return {
    status: status === "serving" ? "serving" : "not_serving",
    sandbox: { driver, detail: sandbox?.detail ?? "", ...(fix === "" ? {} : { fix }) },
  };
}
