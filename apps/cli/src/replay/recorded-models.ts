// A model that says again what another one said in a recorded run. Nobody is asked, and every plan
// made with it is marked as scripted.
import type { OrchestratorDeps } from "@ossaat/orchestrator";
import { ProviderError, scriptedCapabilities } from "@ossaat/providers";
import type { AssistantPart, ModelProvider, ModelRequest, StreamEvent } from "@ossaat/providers";

import type { RecordedTurn, Recording } from "./recording.ts";

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

async function* say(recording: Recording, { metadata }: ModelRequest): AsyncGenerator<StreamEvent> {
  const { stepId, turn } = metadata;
  const recorded = recording.steps.get(stepId)?.turns.find((entry) => entry.turn === turn);
  if (recorded !== undefined) {
    yield* turnEvents(recorded);
    return;
  }
  const message = `The recorded run has no turn ${turn} of ${stepId}: from here on the replay goes another way.`;
  yield { type: "error", error: new ProviderError("badRequest", message, { provider: "recorded" }) };
}

/** The models of a replay: every name leads to the recorded turns. */
export function createRecordedModels(recording: Recording, notice: string): Models {
  const provider: ModelProvider = {
    id: "recorded",
    stream: (request) => say(recording, request),
    capabilities: () => scriptedCapabilities,
  };
  return {
    defaultRef: () => null,
    resolve: (ref) =>
      Promise.resolve({ ref, provider, modelId: "recorded", scripted: true, notice, price: () => null }),
  };
}
