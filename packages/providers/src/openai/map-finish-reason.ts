// Why an answer ended, in the words of spec.ts.
import type { FinishReason } from "../spec.ts";

/** Finish reason of the Chat Completions wire; some servers say `stop` after tool calls. */
export function mapChatFinishReason(raw: string, hasToolCalls: boolean): FinishReason {
  switch (raw) {
    case "tool_calls":
    case "function_call":
      return "toolCalls";
    case "length":
      return "length";
    case "content_filter":
      return "contentFilter";
    case "error":
      return "error";
    default:
      return hasToolCalls ? "toolCalls" : "stop";
  }
}

/** Reason of an incomplete answer of the Responses wire. */
export function mapIncompleteReason(raw: string | undefined): FinishReason {
  return raw === "content_filter" ? "contentFilter" : "length";
}
