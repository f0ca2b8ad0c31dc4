// Folds a model's event stream into one committed turn, and refuses streams that break the
// rules of spec.ts: half an answer must never look like a whole one.
import { ProviderError } from "./provider-error.ts";
import type { ErrorPhase } from "./provider-error.ts";
import type {
  AssistantMessage,
  AssistantPart,
  BlockKind,
  FinishReason,
  StreamEvent,
  ToolCallPart,
  Usage,
} from "./spec.ts";

/** One finished answer of a model. */
export type ModelTurn = {
  message: AssistantMessage;
  /** The tool calls of `message`, in order. */
  toolCalls: ToolCallPart[];
  usage: Usage;
  finishReason: FinishReason;
  /** The vendor's own word for it. */
  rawFinishReason?: string;
  /** Model that answered, as the vendor names it. */
  servedModel?: string;
  responseId?: string;
  requestId?: string;
  /** What the adapter dropped or changed, for people. */
  warnings: string[];
};

export type CollectTurnOptions = {
  /** Provider id for error messages. */
  provider?: string;
  /** Sees every event as it arrives, for live text. */
  onEvent?: (event: StreamEvent) => void;
};

/** Reasons with which a cut tool call is the model's limit, not a broken stream: the call is dropped. */
const cutReasons: ReadonlySet<FinishReason> = new Set([
  "length",
  "contentFilter",
  "refusal",
  "contextExceeded",
  "pause",
]);

/** Characters of a vendor's own reason that a message repeats: it is one short word. */
const maxReasonChars = 64;

type OpenBlock = { kind: BlockKind; text: string; part: AssistantPart | undefined };

class TurnFold {
  readonly #provider: string;
  readonly #blocks = new Map<string, OpenBlock>();
  readonly #meta: Pick<ModelTurn, "servedModel" | "responseId" | "requestId"> = {};
  #warnings: string[] = [];
  #usage: Usage = { input: {}, output: {} };
  #terminal: Extract<StreamEvent, { type: "finish" | "error" }> | undefined;

  constructor(provider: string) {
    this.#provider = provider;
  }

  add(event: StreamEvent): void {
    if (this.#terminal !== undefined) throw this.#broken("sent an event after its end");
    switch (event.type) {
      case "start":
        this.#warnings = [...this.#warnings, ...event.warnings];
        return;
      case "meta": {
        const { type: _type, ...meta } = event;
        Object.assign(this.#meta, meta);
        return;
      }
      case "blockStart":
      case "blockDelta":
      case "blockEnd":
      case "toolCall":
        this.#addToBlock(event);
        return;
      case "usage":
        this.#usage = event.usage;
        return;
      case "finish":
      case "error":
        this.#terminal = event;
        return;
      case "heartbeat":
        return;
    }
  }

  #addToBlock(event: Extract<StreamEvent, { blockId: string }>): void {
    if (event.type === "blockStart") {
      if (this.#blocks.has(event.blockId)) throw this.#broken("started a block twice");
      this.#blocks.set(event.blockId, { kind: event.kind, text: "", part: undefined });
      return;
    }
    if (event.type === "toolCall") {
      this.#blocks.set(event.blockId, { kind: "toolInput", text: event.call.rawJson, part: this.#parsed(event.call) });
      return;
    }
    const block = this.#blocks.get(event.blockId);
    if (block === undefined) throw this.#broken("continued a block that was never started");
    if (event.type === "blockDelta") {
      block.text += event.text;
      return;
    }
    if (block.kind === "text" && block.text !== "") {
      block.part = event.refusal ? { type: "refusal", text: block.text } : { type: "text", text: block.text };
    } else if (block.kind === "reasoning" && (block.text !== "" || event.carry !== undefined)) {
      block.part = {
        type: "reasoning",
        text: block.text,
        ...(event.carry === undefined ? {} : { carry: event.carry }),
      };
    }
  }

  #parsed(call: ToolCallPart): ToolCallPart {
    try {
      return { ...call, input: JSON.parse(call.rawJson === "" ? "{}" : call.rawJson) as unknown };
    } catch (error) {
      throw this.#broken(`called the tool ${call.name} with arguments that are not JSON`, error);
    }
  }

  finish(): ModelTurn {
    const terminal = this.#terminal;
    if (terminal === undefined) throw this.#broken("ended before the answer was complete");
    if (terminal.type === "error") throw terminal.error;
    if (terminal.reason === "error") throw this.#failed(terminal.raw ?? "error");
    const blocks = [...this.#blocks.values()];
    const isCut = cutReasons.has(terminal.reason);
    if (!isCut && blocks.some((block) => block.kind === "toolInput" && block.part === undefined)) {
      throw this.#broken("stopped in the middle of a tool call");
    }
    const parts = blocks.flatMap((block) => this.#closed(block));
    if (parts.length === 0 && !isCut) throw this.#broken("sent an empty answer");
    return {
      message: { role: "assistant", parts },
      toolCalls: parts.filter((part) => part.type === "toolCall"),
      usage: this.#usage,
      finishReason: terminal.reason,
      ...(terminal.raw === undefined ? {} : { rawFinishReason: terminal.raw }),
      ...this.#meta,
      warnings: this.#warnings,
    };
  }

  /** A text block cut by a limit may lack its end; its text still counts. */
  #closed(block: OpenBlock): AssistantPart[] {
    if (block.part !== undefined) return [block.part];
    return block.kind === "text" && block.text !== "" ? [{ type: "text", text: block.text }] : [];
  }

  #failed(reason: string): ProviderError {
    const message = `The model's answer failed: ${this.#provider} ended it with the reason ${reason.slice(0, maxReasonChars)}.`;
    return new ProviderError("server", message, { provider: this.#provider, phase: this.#phase() });
  }

  #phase(): ErrorPhase {
    return this.#blocks.size > 0 ? "afterFirstToken" : "beforeFirstToken";
  }

  #broken(what: string, cause?: unknown): ProviderError {
    return new ProviderError("protocol", `The model's answer was unusable: ${this.#provider} ${what}.`, {
      provider: this.#provider,
      phase: this.#phase(),
      cause,
    });
  }
}

/**
 * Reads a stream to its end.
 *
 * @throws ProviderError the stream's own error; or kind `protocol` when it ended without a
 * terminal event, with partial tool arguments or with nothing at all; or kind `server` when its
 * finish reason is `error`.
 */
export async function collectTurn(
  events: AsyncIterable<StreamEvent>,
  options: CollectTurnOptions = {},
): Promise<ModelTurn> {
  const fold = new TurnFold(options.provider ?? "the provider");
  for await (const event of events) {
    options.onEvent?.(event);
    fold.add(event);
  }
  return fold.finish();
}
