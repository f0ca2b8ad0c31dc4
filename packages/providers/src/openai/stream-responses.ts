// Reads the Responses stream. Event types we do not know are signs of life, nothing more.
import type OpenAI from "openai";

import { httpError } from "../http-error.ts";
import type { StreamEvent, ToolCallPart } from "../spec.ts";
import { mapIncompleteReason } from "./map-finish-reason.ts";
import { mapResponsesUsage } from "./map-usage.ts";
import { kindOfOpenAICode } from "./openai-error.ts";

type ResponsesEvent = OpenAI.Responses.ResponseStreamEvent;
type Response = OpenAI.Responses.Response;
type OutputItem = OpenAI.Responses.ResponseOutputItem;
type TextEvent = { output_index: number; content_index: number };

/** The model that was asked, and keys that its errors may quote. */
type AnswerContext = { modelId: string; secrets: readonly string[] };

class ResponsesFold {
  readonly #modelId: string;
  readonly #secrets: readonly string[];
  readonly #open = new Map<string, "text" | "reasoning" | "toolInput">();
  #hasCalls = false;
  #hasRefusal = false;

  constructor({ modelId, secrets }: AnswerContext) {
    this.#modelId = modelId;
    this.#secrets = secrets;
  }

  *read(event: ResponsesEvent): Generator<StreamEvent> {
    switch (event.type) {
      case "response.created":
        yield { type: "meta", responseId: event.response.id, servedModel: event.response.model };
        break;
      case "response.output_item.added":
        yield* this.#startItem(event.item, event.output_index);
        break;
      case "response.output_text.delta":
        yield* this.#addText(textBlock(event), event.delta);
        break;
      case "response.refusal.delta":
        this.#hasRefusal = true;
        yield* this.#addText(textBlock(event), event.delta);
        break;
      case "response.output_text.done":
        yield* this.#closeText(textBlock(event), false);
        break;
      case "response.refusal.done":
        yield* this.#closeText(textBlock(event), true);
        break;
      case "response.reasoning_summary_text.delta":
      case "response.reasoning_text.delta":
        yield { type: "blockDelta", blockId: itemBlock(event.output_index), kind: "reasoning", text: event.delta };
        break;
      case "response.function_call_arguments.delta":
        yield { type: "blockDelta", blockId: itemBlock(event.output_index), kind: "toolInput", text: event.delta };
        break;
      case "response.output_item.done":
        yield* this.#endItem(event.item, event.output_index);
        break;
      case "response.completed":
      case "response.incomplete":
      case "response.failed":
        yield* this.#end(event.response);
        break;
      default:
        yield { type: "heartbeat" };
    }
  }

  *#startItem(item: OutputItem, index: number): Generator<StreamEvent> {
    const blockId = itemBlock(index);
    if (item.type === "function_call") {
      this.#open.set(blockId, "toolInput");
      yield { type: "blockStart", blockId, kind: "toolInput", callId: item.call_id, toolName: item.name };
    } else if (item.type === "reasoning") {
      this.#open.set(blockId, "reasoning");
      yield { type: "blockStart", blockId, kind: "reasoning" };
    }
  }

  *#endItem(item: OutputItem, index: number): Generator<StreamEvent> {
    const blockId = itemBlock(index);
    if (item.type === "function_call") {
      this.#hasCalls = true;
      if (!this.#open.has(blockId)) yield* this.#startItem(item, index);
      this.#open.delete(blockId);
      yield { type: "blockEnd", blockId, kind: "toolInput" };
      if (item.status === "incomplete") return;
      const call: ToolCallPart = { type: "toolCall", id: item.call_id, name: item.name, rawJson: item.arguments };
      yield { type: "toolCall", blockId, call };
    } else if (item.type === "reasoning" && this.#open.delete(blockId)) {
      const { id, summary, encrypted_content } = item;
      // Without the encrypted state an unstored item cannot be sent back.
      const data = encrypted_content ? { type: "reasoning", id, summary, encrypted_content } : undefined;
      const carry =
        data === undefined ? {} : { carry: { wire: "openai.responses", modelId: this.#modelId, data } as const };
      yield { type: "blockEnd", blockId, kind: "reasoning", ...carry };
    }
  }

  *#addText(blockId: string, text: string): Generator<StreamEvent> {
    if (!this.#open.has(blockId)) {
      this.#open.set(blockId, "text");
      yield { type: "blockStart", blockId, kind: "text" };
    }
    yield { type: "blockDelta", blockId, kind: "text", text };
  }

  *#closeText(blockId: string, refusal: boolean): Generator<StreamEvent> {
    if (this.#open.delete(blockId)) yield { type: "blockEnd", blockId, kind: "text", ...(refusal ? { refusal } : {}) };
  }

  *#end(response: Response): Generator<StreamEvent> {
    for (const [blockId, kind] of this.#open) {
      if (kind === "text") yield* this.#closeText(blockId, this.#hasRefusal);
    }
    if (response.usage) yield { type: "usage", usage: mapResponsesUsage(response.usage) };
    if (response.status === "failed") {
      const { code, param, message: reason } = response.error ?? {};
      const kind = kindOfOpenAICode(code) ?? "server";
      const secrets = this.#secrets;
      yield { type: "error", error: httpError({ provider: "openai", kind, code, param, reason, secrets }) };
    } else if (response.status === "incomplete") {
      const raw = response.incomplete_details?.reason;
      yield { type: "finish", reason: mapIncompleteReason(raw), raw: raw ?? "incomplete" };
    } else {
      const reason = this.#hasCalls ? "toolCalls" : this.#hasRefusal ? "refusal" : "stop";
      yield { type: "finish", reason, raw: response.status ?? "completed" };
    }
  }
}

function itemBlock(outputIndex: number): string {
  return `item-${outputIndex}`;
}

function textBlock(event: TextEvent): string {
  return `item-${event.output_index}-${event.content_index}`;
}

/** Events of a Responses stream after `start`. Ends without a terminal event when the server did. */
export async function* streamResponses(
  events: AsyncIterable<ResponsesEvent>,
  context: AnswerContext,
): AsyncGenerator<StreamEvent> {
  const fold = new ResponsesFold(context);
  for await (const event of events) {
    for (const out of fold.read(event)) {
      yield out;
      if (out.type === "finish" || out.type === "error") return;
    }
  }
}
