// Anthropic's stop reasons in the words of spec.ts.
import type { FinishReason } from "../spec.ts";

const reasons: Readonly<Record<string, FinishReason>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  tool_use: "toolCalls",
  pause_turn: "pause",
  refusal: "refusal",
  model_context_window_exceeded: "contextExceeded",
};

/** An unknown reason is an error: an answer counts as whole only when the vendor says a word we know. */
export function mapStopReason(raw: string): FinishReason {
  return reasons[raw] ?? "error";
}
