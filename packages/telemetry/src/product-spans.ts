// What the product's spans carry: one function for the start of each and, where the outcome
// has figures, one for its end. Ids, names, counts, hashes; never content.
import { measureModelTurn, measureRequest, measureStep, measureToolCall, measureToolRun } from "./metrics.ts";
import type { TurnFigures } from "./metrics.ts";
import { attributeKeys as keys, spanNames } from "./names.ts";
import type { SpanAttributes, SpanStart } from "./with-span.ts";

type StepIds = { planId: string; stepId: string; attempt: number };

function stepAttributes({ planId, stepId, attempt }: StepIds): SpanAttributes {
  return { [keys.planId]: planId, [keys.stepId]: stepId, [keys.attempt]: attempt };
}

export type RequestSpanInput = {
  method: string;
  /** Template of the route; absent when no route matches. */
  route?: string | undefined;
  planId?: string | undefined;
  /** What the caller sent along. */
  traceparent?: string | undefined;
};

/** One HTTP request at the edge. */
export function requestSpan({ method, route, planId, traceparent }: RequestSpanInput): SpanStart {
  return {
    name: spanNames.request(method, route),
    kind: "server",
    traceparent,
    attributes: { [keys.httpMethod]: method, [keys.httpRoute]: route, [keys.planId]: planId },
    measure: (measured, { [keys.httpStatus]: status = "none" }) =>
      measureRequest({ method, route, status: String(status) }, measured),
  };
}

/** How a request was answered; the request id finds it in logs and in the caller's report. */
export function requestEnd({ status, requestId }: { status: number; requestId: string }): SpanAttributes {
  return { [keys.httpStatus]: status, [keys.requestId]: requestId };
}

/** One call that another process makes of this one; `path` is `/package.Service/Method`. */
export function callSpan({ path, traceparent }: { path: string; traceparent: string | undefined }): SpanStart {
  const [service = "", method = ""] = path.slice(1).split("/");
  const name = spanNames.call(service, method);
  return {
    name,
    kind: "server",
    traceparent,
    attributes: { [keys.rpcSystem]: "grpc", [keys.rpcMethod]: name },
  };
}

/** Taking the message of an attempt until the step is claimed. Its step is a child, and ends later. */
export function takeJobSpan({ pool, messageId, ...ids }: StepIds & { pool: string; messageId: string }): SpanStart {
  return {
    name: spanNames.takeJob(pool),
    kind: "consumer",
    attributes: {
      [keys.messagingOperation]: "process",
      [keys.messagingOperationType]: "process",
      [keys.messagingDestination]: `ossaat.jobs.${pool}`,
      [keys.messagingMessageId]: messageId,
      ...stepAttributes(ids),
    },
  };
}

/** A message that led to nothing. */
export function takeJobEnd({ isStale }: { isStale: boolean }): SpanAttributes {
  return { [keys.isStale]: isStale };
}

/** The creation of a plan: the parent of everything the plan does later. */
export function createPlanSpan({ tenantId }: { tenantId: string }): SpanStart {
  return { name: spanNames.createPlan, attributes: { [keys.tenantId]: tenantId } };
}

/** The plan that was created. */
export function createPlanEnd({ planId }: { planId: string }): SpanAttributes {
  return { [keys.planId]: planId };
}

/** One attempt of a step. */
export function stepSpan({ kind, tenantId, ...ids }: StepIds & { kind: string; tenantId: string }): SpanStart {
  return {
    name: spanNames.step(kind),
    measure: (measured) => measureStep({ kind }, measured),
    attributes: { ...stepAttributes(ids), [keys.stepKind]: kind, [keys.tenantId]: tenantId },
  };
}

/** Why an attempt failed. */
export function stepEnd({ reason }: { reason: string }): SpanAttributes {
  return { [keys.stepReason]: reason };
}

export type ModelTurnStart = StepIds & {
  provider: string;
  model: string;
  agent: string;
  tags?: readonly string[] | undefined;
  turn: number;
  requestAttempt: number;
  scripted: boolean;
  maxOutputTokens?: number | undefined;
  temperature?: number | undefined;
};

function turnFigures(attributes: SpanAttributes): TurnFigures {
  const figure = (key: string) => {
    const value = attributes[key];
    return typeof value === "number" ? value : undefined;
  };
  return {
    inputTokens: figure(keys.genAiInputTokens),
    outputTokens: figure(keys.genAiOutputTokens),
    costUsd: figure(keys.costUsd),
  };
}

/** One request to a model, until its answer is whole. */
export function modelTurnSpan(input: ModelTurnStart): SpanStart {
  return {
    name: spanNames.modelTurn(input.model),
    measure: (measured, attributes) => measureModelTurn(input, measured, turnFigures(attributes)),
    kind: "client",
    attributes: {
      [keys.genAiOperation]: "chat",
      [keys.genAiProvider]: input.provider,
      [keys.genAiAgent]: input.agent,
      [keys.genAiConversation]: input.planId,
      [keys.genAiRequestModel]: input.model,
      [keys.genAiRequestMaxTokens]: input.maxOutputTokens,
      [keys.genAiRequestTemperature]: input.temperature,
      [keys.genAiRequestStream]: true,
      ...stepAttributes(input),
      [keys.turn]: input.turn,
      [keys.requestAttempt]: input.requestAttempt,
      [keys.scripted]: input.scripted,
      [keys.tags]: input.tags === undefined || input.tags.length === 0 ? undefined : [...input.tags],
    },
  };
}

export type ModelTurnEnd = {
  finishReason: string;
  responseId?: string | undefined;
  responseModel?: string | undefined;
  /** An absent figure is unknown. */
  usage: {
    input: {
      total?: number | undefined;
      cacheRead?: number | undefined;
      cacheWrite5m?: number | undefined;
      cacheWrite1h?: number | undefined;
    };
    output: { total?: number | undefined; reasoning?: number | undefined };
  };
  /** null = price unknown. */
  costUsd: number | null;
  toolCalls: number;
};

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : a + (b ?? 0);
}

/** What a finished turn cost and brought. */
export function modelTurnEnd({ usage, costUsd, ...end }: ModelTurnEnd): SpanAttributes {
  return {
    [keys.genAiResponseId]: end.responseId,
    [keys.genAiResponseModel]: end.responseModel,
    [keys.genAiFinishReasons]: [end.finishReason],
    [keys.genAiInputTokens]: usage.input.total,
    [keys.genAiCacheReadTokens]: usage.input.cacheRead,
    [keys.genAiCacheWriteTokens]: sum(usage.input.cacheWrite5m, usage.input.cacheWrite1h),
    [keys.genAiOutputTokens]: usage.output.total,
    [keys.genAiReasoningTokens]: usage.output.reasoning,
    [keys.costUsd]: costUsd ?? undefined,
    [keys.toolCalls]: end.toolCalls,
  };
}

export type ToolCallStart = StepIds & { tool: string; callId: string; argsHash: string };

/** One executed call of a tool. */
export function toolCallSpan({ tool, callId, argsHash, ...ids }: ToolCallStart): SpanStart {
  return {
    name: spanNames.toolCall(tool),
    measure: (measured) => measureToolCall({ tool }, measured),
    attributes: {
      [keys.genAiOperation]: "execute_tool",
      [keys.genAiToolName]: tool,
      [keys.genAiToolType]: "function",
      [keys.genAiToolCallId]: callId,
      ...stepAttributes(ids),
      [keys.argsHash]: argsHash,
    },
  };
}

/** One call of a tool, inside a runner in a process of its own. */
export function toolRunSpan({ tool, ...ids }: StepIds & { tool: string }): SpanStart {
  return {
    name: spanNames.toolRun(tool),
    measure: (measured) => measureToolRun({ tool }, measured),
    attributes: { [keys.genAiToolName]: tool, ...stepAttributes(ids) },
  };
}

export type ToolCallEnd = {
  state: string;
  exitCode?: number | null | undefined;
  changedPaths?: number | undefined;
  unsandboxed?: boolean | undefined;
};

/** How a call ended. */
export function toolCallEnd({ state, exitCode, changedPaths, unsandboxed }: ToolCallEnd): SpanAttributes {
  return {
    [keys.toolState]: state,
    [keys.exitCode]: exitCode ?? undefined,
    [keys.changedPaths]: changedPaths,
    [keys.unsandboxed]: unsandboxed,
  };
}
