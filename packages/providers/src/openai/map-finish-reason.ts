// Why an answer ended, in the words of spec.ts.
import type { FinishReason } from "../spec.ts";

/** Words of compatible servers for a plain end. */
const stops: ReadonlySet<string> = new Set(["stop", "eos", "eos_token", "end_turn", "stop_sequence"]);

/**
 * Finish reason of the Chat Completions wire; some servers say `stop` after tool calls. An unknown
 * reason is an error: an answer counts as whole only when the server says a word we know.
 */
export function mapChatFinishReason(raw: string, hasToolCalls: boolean): FinishReason {
  switch (raw) {
    case "tool_calls":
    case "function_call":
      return "toolCalls";
    case "length":
      return "length";
    case "content_filter":
      return "contentFilter";
    default:
      if (!stops.has(raw)) return "error";
      return hasToolCalls ? "toolCalls" : "stop";
  }
}

/** Reason of an incomplete answer of the Responses wire. */
export function mapIncompleteReason(raw: string | undefined): FinishReason {
  return raw === "content_filter" ? "contentFilter" : "length";
}
