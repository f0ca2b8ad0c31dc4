// Reads the Messages stream from its raw SSE events, because the SDK hides the pings that show
// the vendor is alive. Unknown events and blocks are signs of life, nothing more.
import type { Anthropic } from "@anthropic-ai/sdk";

import { ProviderError } from "../provider-error.ts";
import type { BlockKind, Carry, StreamEvent, ToolCallPart } from "../spec.ts";
import { anthropicFailure } from "./anthropic-error.ts";
import { mapStopReason } from "./map-finish-reason.ts";
import { mapAnthropicUsage, mergeUsage } from "./map-usage.ts";
import type { AnthropicUsage } from "./map-usage.ts";

type Wire = Anthropic.RawMessageStreamEvent;
type StartEvent = Extract<Wire, { type: "content_block_start" }>;
type DeltaEvent = Extract<Wire, { type: "content_block_delta" }>;
type RawEvent = { event: string | null; data: string };

type OpenBlock = {
  kind: BlockKind;
  text: string;
  /** The block as it goes back when it is reasoning. */
  signature: string;
  redacted?: string;
  call?: { id: string; name: string; initialInput: unknown };
};

class MessagesFold {
  readonly #modelId: string;
  readonly #open = new Map<number, OpenBlock>();
  #usage: AnthropicUsage = {};
  #stopReason: string | undefined;

  constructor(modelId: string) {
    this.#modelId = modelId;
  }

  *read(event: Wire): Generator<StreamEvent> {
    switch (event.type) {
      case "message_start":
        this.#usage = event.message.usage ?? {};
        yield { type: "meta", responseId: event.message.id, servedModel: event.message.model };
        yield { type: "usage", usage: mapAnthropicUsage(this.#usage) };
        break;
      case "content_block_start":
        yield* this.#start(event);
        break;
      case "content_block_delta":
        yield* this.#delta(event);
        break;
      case "content_block_stop":
        yield* this.#stop(event.index);
        break;
      case "message_delta":
        this.#usage = mergeUsage(this.#usage, event.usage ?? {});
        this.#stopReason = event.delta.stop_reason ?? this.#stopReason;
        yield { type: "usage", usage: mapAnthropicUsage(this.#usage) };
        break;
      case "message_stop":
        yield* this.#end();
        break;
      default:
        yield { type: "heartbeat" };
    }
  }

  *#start({ index, content_block: block }: StartEvent): Generator<StreamEvent> {
    const blockId = String(index);
    switch (block.type) {
      case "text":
        this.#open.set(index, { kind: "text", text: "", signature: "" });
        yield { type: "blockStart", blockId, kind: "text" };
        if (block.text) yield this.#append(index, block.text);
        break;
      case "thinking":
        this.#open.set(index, { kind: "reasoning", text: "", signature: block.signature ?? "" });
        yield { type: "blockStart", blockId, kind: "reasoning" };
        if (block.thinking) yield this.#append(index, block.thinking);
        break;
      case "redacted_thinking":
        this.#open.set(index, { kind: "reasoning", text: "", signature: "", redacted: block.data });
        yield { type: "blockStart", blockId, kind: "reasoning" };
        break;
      case "tool_use": {
        const call = { id: block.id, name: block.name, initialInput: block.input };
        this.#open.set(index, { kind: "toolInput", text: "", signature: "", call });
        yield { type: "blockStart", blockId, kind: "toolInput", callId: block.id, toolName: block.name };
        break;
      }
      default:
        yield { type: "heartbeat" };
    }
  }

  *#delta({ index, delta }: DeltaEvent): Generator<StreamEvent> {
    const block = this.#open.get(index);
    if (block === undefined) {
      yield { type: "heartbeat" };
      return;
    }
    switch (delta.type) {
      case "text_delta":
        yield this.#append(index, delta.text);
        break;
      case "input_json_delta":
        yield this.#append(index, delta.partial_json);
        break;
      case "thinking_delta":
        yield this.#append(index, delta.thinking);
        break;
      case "signature_delta":
        block.signature += delta.signature;
        yield { type: "heartbeat" };
        break;
      default:
        yield { type: "heartbeat" };
    }
  }

  #append(index: number, text: string): StreamEvent {
    const block = this.#open.get(index);
    if (block !== undefined) block.text += text;
    return { type: "blockDelta", blockId: String(index), kind: block?.kind ?? "text", text };
  }

  *#stop(index: number): Generator<StreamEvent> {
    const block = this.#open.get(index);
    if (block === undefined) return;
    this.#open.delete(index);
    const blockId = String(index);
    const carry = block.kind === "reasoning" ? this.#carry(block) : undefined;
    yield { type: "blockEnd", blockId, kind: block.kind, ...(carry === undefined ? {} : { carry }) };
    if (block.call === undefined) return;
    const { id, name, initialInput } = block.call;
    // A call without arguments streams none; compatible servers may put them into the start.
    const rawJson = block.text === "" ? JSON.stringify(initialInput ?? {}) : block.text;
    const call: ToolCallPart = { type: "toolCall", id, name, rawJson };
    // A call cut by the token limit also gets its block_stop: only whole JSON is a call.
    if (isJson(rawJson)) yield { type: "toolCall", blockId, call };
  }

  #carry(block: OpenBlock): Carry | undefined {
    const wire = "anthropic.messages";
    if (block.redacted !== undefined) {
      return { wire, modelId: this.#modelId, data: { type: "redacted_thinking", data: block.redacted } };
    }
    if (block.signature === "") return undefined;
    const data = { type: "thinking", thinking: block.text, signature: block.signature };
    return { wire, modelId: this.#modelId, data };
  }

  *#end(): Generator<StreamEvent> {
    const raw = this.#stopReason ?? "missing";
    yield { type: "finish", reason: mapStopReason(raw), raw };
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

function parse(data: string): unknown {
  try {
    return JSON.parse(data) as unknown;
  } catch {
    throw new ProviderError("protocol", "The model provider anthropic sent an event that is not JSON.", {
      provider: "anthropic",
    });
  }
}

/** Events of a Messages stream after `start`. Ends without a terminal event when the server did. */
export async function* streamMessages(
  events: AsyncIterable<RawEvent>,
  { modelId, secrets }: { modelId: string; secrets: readonly string[] },
): AsyncGenerator<StreamEvent> {
  const fold = new MessagesFold(modelId);
  for await (const { event, data } of events) {
    if (event === null || event === "ping" || data === "") {
      yield { type: "heartbeat" };
      continue;
    }
    const value = parse(data) as { error?: { type?: unknown } };
    if (event === "error") {
      yield { type: "error", error: anthropicFailure({ body: value.error ?? {}, secrets }) };
      return;
    }
    for (const out of fold.read(value as Wire)) {
      yield out;
      if (out.type === "finish") return;
    }
  }
}
