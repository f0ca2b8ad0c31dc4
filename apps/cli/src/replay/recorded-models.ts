// A model that says again what another one said in a recorded run. Nobody is asked, and every plan
// made with it is marked as scripted.
import type { OrchestratorDeps } from "@ossaat/orchestrator";
import { ProviderError, scriptedCapabilities } from "@ossaat/providers";
import type { AssistantPart, ModelProvider, ModelRequest, ProviderErrorKind, StreamEvent } from "@ossaat/providers";

import type { RecordedFailure, RecordedTurn, Recording } from "./recording.ts";

type Models = OrchestratorDeps["models"];

function* partEvents(part: AssistantPart, blockId: string): Generator<StreamEvent> {
  if (part.type === "text" || part.type === "refusal") {
    yield { type: "blockStart", blockId, kind: "text" };
    yield { type: "blockDelta", blockId, kind: "text", text: part.text };
    yield { type: "blockEnd", blockId, kind: "text", ...(part.type === "refusal" ? { refusal: true as const } : {}) };
  }
  if (part.type === "toolCall") {
    yield { type: "blockStart", blockId, kind: "toolInput", callId: part.id, toolName: part.name };
    yield { type: "blockDelta", blockId, kind: "toolInput", text: part.rawJson };
    yield { type: "blockEnd", blockId, kind: "toolInput" };
    yield { type: "toolCall", blockId, call: part };
  }
}

function* turnEvents({ message, usage, costUsd, finishReason, model }: RecordedTurn): Generator<StreamEvent> {
  yield { type: "start", warnings: [] };
  yield { type: "meta", servedModel: model };
  for (const [index, part] of message.parts.entries()) yield* partEvents(part, String(index));
  const input = usage.inputTokens === undefined ? {} : { total: usage.inputTokens };
  const output = usage.outputTokens === undefined ? {} : { total: usage.outputTokens };
  yield { type: "usage", usage: { input, output, ...(costUsd === null ? {} : { reportedCostUsd: costUsd }) } };
  yield { type: "finish", reason: finishReason as Extract<StreamEvent, { type: "finish" }>["reason"] };
}

/** The kind of failure that leads to the same code and the same bookkeeping. */
function kindOf({ error, isTooLong, tokens }: RecordedFailure, isRetried: boolean): ProviderErrorKind {
  if (isTooLong) return "contextLength";
  if (error.code === "rate_limited") return "rateLimit";
  if (error.code === "timeout") return "timeout";
  if (!isRetried) return "badRequest";
  return tokens === undefined ? "overloaded" : "network";
}

/** The request breaks again as it did, without the pause that followed. */
function* failureEvents(failure: RecordedFailure, isRetried: boolean): Generator<StreamEvent> {
  const { error, usage, costUsd, tokens } = failure;
  yield { type: "start", warnings: [] };
  if (usage !== undefined) {
    const input = usage.inputTokens === undefined ? {} : { total: usage.inputTokens };
    const output = usage.outputTokens === undefined ? {} : { total: usage.outputTokens };
    yield {
      type: "usage",
      usage: { input, output, ...(typeof costUsd === "number" ? { reportedCostUsd: costUsd } : {}) },
    };
  }
  const broken = new ProviderError(kindOf(failure, isRetried), error.message, {
    provider: "recorded",
    retryable: isRetried,
    retryAfterMs: 0,
    phase: tokens === undefined ? "beforeFirstToken" : "afterFirstToken",
  });
  yield { type: "error", error: broken };
}

/** Numbers the requests for a turn: the first ones break as the recorded ones did. */
function createSpeaker(current: () => Recording) {
  const asked = new Map<string, number>();
  return async function* say({ metadata }: ModelRequest): AsyncGenerator<StreamEvent> {
    const { planId, stepId, turn } = metadata;
    const key = `${planId} ${stepId} ${turn}`;
    const before = asked.get(key) ?? 0;
    asked.set(key, before + 1);
    const step = current().steps.get(stepId);
    const failures = step?.failures.filter((entry) => entry.turn === turn) ?? [];
    const recorded = step?.turns.find((entry) => entry.turn === turn);
    const failure = failures[before];
    if (failure !== undefined) yield* failureEvents(failure, before + 1 < failures.length || recorded !== undefined);
    else if (recorded !== undefined) yield* turnEvents(recorded);
    else yield* noTurn(stepId, turn);
  };
}

function* noTurn(stepId: string, turn: number): Generator<StreamEvent> {
  const message = `The recorded run has no turn ${turn} of ${stepId}: from here on the replay goes another way.`;
  yield { type: "error", error: new ProviderError("badRequest", message, { provider: "recorded" }) };
}

/**
 * The models of a replay: every name leads to the recorded turns.
 * @param current the recording whose plan runs now
 */
export function createRecordedModels(current: () => Recording, notice: string): Models {
  const provider: ModelProvider = {
    id: "recorded",
    stream: createSpeaker(current),
    capabilities: () => scriptedCapabilities,
  };
  return {
    defaultRef: () => null,
    resolve: (ref) =>
      Promise.resolve({ ref, provider, modelId: "recorded", scripted: true, notice, price: () => null }),
  };
}
