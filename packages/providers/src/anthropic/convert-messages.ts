// Our messages in Anthropic's words: two roles that alternate, tool results first in the turn
// after the calls, system text apart, opaque reasoning only back to the model that made it.
import type { Anthropic } from "@anthropic-ai/sdk";

import type { AssistantPart, MediaPart, Message, ToolResultPart } from "../spec.ts";

type Block = Anthropic.ContentBlockParam;
type Turn = { role: "user" | "assistant"; content: Block[] };
export type ConvertedMessages = { system: Anthropic.TextBlockParam[]; messages: Turn[]; hinted: Block[] };

function anthropicId(id: string): string {
  return id.replaceAll(/[^A-Za-z0-9_-]/g, "_");
}

function parseInput(rawJson: string): unknown {
  try {
    const value: unknown = JSON.parse(rawJson === "" ? "{}" : rawJson);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : { value };
  } catch {
    // The vendor takes objects only; what a model once wrote wrongly is shown to it as it was.
    return { raw: rawJson };
  }
}

function mediaBlock(part: MediaPart): Block[] {
  const { source, mimeType } = part;
  if (source.kind === "file") return [];
  const isImage = mimeType.startsWith("image/");
  if (source.kind === "url") {
    const place = { type: "url", url: source.url } as const;
    return [isImage ? { type: "image", source: place } : { type: "document", source: place }];
  }
  if (isImage) {
    const media_type = mimeType as "image/png";
    return [{ type: "image", source: { type: "base64", media_type, data: source.data } }];
  }
  return [{ type: "document", source: { type: "base64", media_type: "application/pdf", data: source.data } }];
}

function resultBlock(part: ToolResultPart): Block {
  const text = part.output.kind === "text" ? part.output.text : JSON.stringify(part.output.value);
  return {
    type: "tool_result",
    tool_use_id: anthropicId(part.callId),
    ...(text === "" ? {} : { content: text }),
    ...(part.isError ? { is_error: true } : {}),
  };
}

function assistantBlocks(part: AssistantPart, modelId: string): Block[] {
  switch (part.type) {
    case "text":
    case "refusal":
      return part.text === "" ? [] : [{ type: "text", text: part.text }];
    case "toolCall":
      return [{ type: "tool_use", id: anthropicId(part.id), name: part.name, input: parseInput(part.rawJson) }];
    case "reasoning": {
      const { carry } = part;
      const isOurs = carry?.wire === "anthropic.messages" && carry.modelId === modelId;
      return isOurs ? [carry.data as Block] : [];
    }
    case "custom":
      return part.wire === "anthropic.messages" ? [part.data as Block] : [];
    default:
      return [];
  }
}

class TurnBuilder {
  readonly turns: Turn[] = [];

  /** Adds to the last turn when the role is the same: roles must alternate. */
  add(role: Turn["role"], blocks: Block[]): void {
    if (blocks.length === 0) return;
    const last = this.turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else this.turns.push({ role, content: [...blocks] });
  }

  finish(): Turn[] {
    return this.turns.map(({ role, content }) => ({
      role,
      content: [
        ...content.filter((block) => block.type === "tool_result"),
        ...content.filter((block) => block.type !== "tool_result"),
      ],
    }));
  }
}

/** Converts a conversation; `hinted` are the blocks whose parts carry a cache hint. */
export function toAnthropicMessages(messages: readonly Message[], modelId: string): ConvertedMessages {
  const system: Anthropic.TextBlockParam[] = [];
  const hinted: Block[] = [];
  const builder = new TurnBuilder();
  for (const message of messages) {
    if (message.role === "assistant") {
      builder.add(
        "assistant",
        message.parts.flatMap((part) => assistantBlocks(part, modelId)),
      );
    } else if (message.role === "tool") {
      builder.add("user", message.parts.map(resultBlock));
    } else {
      // A system message inside the conversation would break the cached prefix if it moved up.
      const isPrefix = message.role === "system" && builder.turns.length === 0;
      for (const part of message.parts) {
        if (part.type === "media") {
          builder.add("user", mediaBlock(part));
        } else if (part.text !== "") {
          const block: Anthropic.TextBlockParam = { type: "text", text: part.text };
          if (part.cacheHint === true) hinted.push(block);
          if (isPrefix) system.push(block);
          else builder.add("user", [block]);
        }
      }
    }
  }
  return { system, messages: builder.finish(), hinted };
}
