// Reads the Chat Completions stream. Read leniently: compatible servers leave fields out.
import type OpenAI from "openai";

import type { FinishReason, StreamEvent, ToolCallPart } from "../spec.ts";
import { mapChatFinishReason } from "./map-finish-reason.ts";
import { mapChatUsage } from "./map-usage.ts";

type Chunk = OpenAI.Chat.ChatCompletionChunk;
type Delta = OpenAI.Chat.ChatCompletionChunk.Choice.Delta & {
  reasoning_content?: string | null;
  reasoning?: string | null;
};
type TextKind = "text" | "reasoning" | "refusal";
type OpenTool = { blockId: string; call: ToolCallPart };

class ChatFold {
  readonly #openTexts = new Set<TextKind>();
  readonly #tools = new Map<number, OpenTool>();
  #isNamed = false;
  #finish: { reason: FinishReason; raw: string } | undefined;

  *read(chunk: Chunk): Generator<StreamEvent> {
    if (!this.#isNamed && (chunk.id || chunk.model)) {
      this.#isNamed = true;
      yield {
        type: "meta",
        ...(chunk.id ? { responseId: chunk.id } : {}),
        ...(chunk.model ? { servedModel: chunk.model } : {}),
      };
    }
    if (chunk.usage) yield { type: "usage", usage: mapChatUsage(chunk.usage) };
    const choice = chunk.choices?.[0];
    if (choice === undefined) return;
    yield* this.#readDelta(choice.delta ?? {});
    if (choice.finish_reason) {
      const reason = mapChatFinishReason(choice.finish_reason, this.#tools.size > 0);
      this.#finish = { reason, raw: choice.finish_reason };
    }
  }

  /** The end of the answer; nothing when the server stopped without saying why. */
  *end(): Generator<StreamEvent> {
    if (this.#finish === undefined) return;
    for (const kind of this.#openTexts) yield* this.#closeText(kind);
    for (const { blockId, call } of this.#tools.values()) {
      yield { type: "blockEnd", blockId, kind: "toolInput" };
      if (this.#finish.reason === "toolCalls" || isJson(call.rawJson)) yield { type: "toolCall", blockId, call };
    }
    yield { type: "finish", ...this.#finish };
  }

  *#readDelta(delta: Delta): Generator<StreamEvent> {
    yield* this.#addText("reasoning", delta.reasoning_content ?? delta.reasoning);
    yield* this.#addText("text", delta.content);
    yield* this.#addText("refusal", delta.refusal);
    for (const part of delta.tool_calls ?? []) yield* this.#addTool(part);
  }

  *#addText(kind: TextKind, text: string | null | undefined): Generator<StreamEvent> {
    if (text === undefined || text === null || text === "") return;
    const block = { blockId: kind, kind: kind === "reasoning" ? "reasoning" : "text" } as const;
    if (!this.#openTexts.has(kind)) {
      this.#openTexts.add(kind);
      yield { type: "blockStart", ...block };
    }
    yield { type: "blockDelta", ...block, text };
  }

  *#closeText(kind: TextKind): Generator<StreamEvent> {
    const block = { blockId: kind, kind: kind === "reasoning" ? "reasoning" : "text" } as const;
    yield { type: "blockEnd", ...block, ...(kind === "refusal" ? { refusal: true } : {}) };
  }

  *#addTool(part: OpenAI.Chat.ChatCompletionChunk.Choice.Delta.ToolCall): Generator<StreamEvent> {
    let tool = this.#tools.get(part.index ?? 0);
    // Some servers send whole calls without an index: another id is another call.
    const index = tool !== undefined && part.id && part.id !== tool.call.id ? this.#tools.size : (part.index ?? 0);
    tool = this.#tools.get(index);
    if (tool === undefined) {
      const blockId = `tool-${index}`;
      const call: ToolCallPart = {
        type: "toolCall",
        id: part.id || `call_${index}`,
        name: part.function?.name ?? "",
        rawJson: "",
      };
      tool = { blockId, call };
      this.#tools.set(index, tool);
      yield { type: "blockStart", blockId, kind: "toolInput", callId: call.id, toolName: call.name };
    }
    const text = part.function?.arguments ?? "";
    if (text === "") return;
    tool.call.rawJson += text;
    yield { type: "blockDelta", blockId: tool.blockId, kind: "toolInput", text };
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Events of a Chat Completions stream after `start`. Ends without a terminal event when the server did. */
export async function* streamChat(chunks: AsyncIterable<Chunk>): AsyncGenerator<StreamEvent> {
  const fold = new ChatFold();
  for await (const chunk of chunks) yield* fold.read(chunk);
  yield* fold.end();
}
