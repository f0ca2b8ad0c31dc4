// Our messages in the words of OpenAI's two wires. Parts made by another wire or model are
// dropped when they are opaque (reasoning, custom) and kept as text when they are content.
import type OpenAI from "openai";

import type {
  AssistantMessage,
  Carry,
  MediaPart,
  Message,
  TextPart,
  ToolCallPart,
  ToolResultPart,
  UserMessage,
  Wire,
} from "../spec.ts";

type ResponsesItem = OpenAI.Responses.ResponseInputItem;
type ResponsesContent = OpenAI.Responses.ResponseInputContent;
type ChatMessage = OpenAI.Chat.ChatCompletionMessageParam;
type ChatContent = OpenAI.Chat.ChatCompletionContentPart;

/** Whether opaque state may go back: only to the wire and model that made it. */
function mayCarry(carry: Carry | undefined, wire: Wire, modelId: string): carry is Carry {
  return carry !== undefined && carry.wire === wire && carry.modelId === modelId;
}

function joinText(parts: readonly { text: string }[]): string {
  return parts.map((part) => part.text).join("");
}

function resultText(part: ToolResultPart): string {
  const text = part.output.kind === "text" ? part.output.text : JSON.stringify(part.output.value);
  return part.isError ? `The tool failed: ${text}` : text;
}

function argumentsText(call: ToolCallPart): string {
  return call.rawJson === "" ? "{}" : call.rawJson;
}

function mediaUrl(part: MediaPart): string | undefined {
  if (part.source.kind === "url") return part.source.url;
  return part.source.kind === "base64" ? `data:${part.mimeType};base64,${part.source.data}` : undefined;
}

function responsesContent(part: TextPart | MediaPart): ResponsesContent {
  if (part.type === "text") return { type: "input_text", text: part.text };
  const url = mediaUrl(part);
  const place = url === undefined ? { file_id: part.source.kind === "file" ? part.source.id : "" } : undefined;
  if (part.mimeType.startsWith("image/")) {
    return { type: "input_image", detail: "auto", ...(place ?? { image_url: url ?? null }) };
  }
  return { type: "input_file", ...(place ?? { file_data: url ?? "", filename: "file" }) };
}

function responsesUser(message: UserMessage): ResponsesItem {
  const isText = message.parts.every((part) => part.type === "text");
  return {
    role: "user",
    content: isText ? joinText(message.parts as TextPart[]) : message.parts.map((part) => responsesContent(part)),
  };
}

function responsesAssistant(message: AssistantMessage, modelId: string): ResponsesItem[] {
  const items: ResponsesItem[] = [];
  for (const part of message.parts) {
    switch (part.type) {
      case "text":
      case "refusal":
        items.push({ role: "assistant", content: part.text });
        break;
      case "toolCall":
        items.push({ type: "function_call", call_id: part.id, name: part.name, arguments: argumentsText(part) });
        break;
      case "reasoning":
        if (mayCarry(part.carry, "openai.responses", modelId)) items.push(part.carry.data as ResponsesItem);
        break;
      case "custom":
        if (part.wire === "openai.responses") items.push(part.data as ResponsesItem);
        break;
    }
  }
  return items;
}

/** Input items of the Responses wire. */
export function toResponsesInput(messages: readonly Message[], modelId: string): ResponsesItem[] {
  return messages.flatMap((message): ResponsesItem[] => {
    switch (message.role) {
      case "system":
        return [{ role: "developer", content: joinText(message.parts) }];
      case "user":
        return [responsesUser(message)];
      case "assistant":
        return responsesAssistant(message, modelId);
      case "tool":
        return message.parts.map((part) => ({
          type: "function_call_output",
          call_id: part.callId,
          output: resultText(part),
        }));
      default:
        return [];
    }
  });
}

function chatContent(part: TextPart | MediaPart): ChatContent[] {
  if (part.type === "text") return [{ type: "text", text: part.text }];
  const url = mediaUrl(part);
  if (url === undefined) return [];
  if (part.mimeType.startsWith("image/")) return [{ type: "image_url", image_url: { url } }];
  return [{ type: "file", file: { file_data: url, filename: "file" } }];
}

function chatUser(message: UserMessage): ChatMessage {
  const isText = message.parts.every((part) => part.type === "text");
  return {
    role: "user",
    content: isText ? joinText(message.parts as TextPart[]) : message.parts.flatMap((part) => chatContent(part)),
  };
}

function chatAssistant(message: AssistantMessage): ChatMessage[] {
  const text = joinText(message.parts.filter((part) => part.type === "text" || part.type === "refusal"));
  const calls = message.parts.filter((part) => part.type === "toolCall");
  if (text === "" && calls.length === 0) return [];
  return [
    {
      role: "assistant",
      content: text === "" ? null : text,
      ...(calls.length === 0
        ? {}
        : {
            tool_calls: calls.map((call) => ({
              id: call.id,
              type: "function" as const,
              function: { name: call.name, arguments: argumentsText(call) },
            })),
          }),
    },
  ];
}

/** Messages of the Chat Completions wire. */
export function toChatMessages(messages: readonly Message[]): ChatMessage[] {
  return messages.flatMap((message): ChatMessage[] => {
    switch (message.role) {
      case "system":
        return [{ role: "system", content: joinText(message.parts) }];
      case "user":
        return [chatUser(message)];
      case "assistant":
        return chatAssistant(message);
      case "tool":
        return message.parts.map((part) => ({ role: "tool", tool_call_id: part.callId, content: resultText(part) }));
      default:
        return [];
    }
  });
}
