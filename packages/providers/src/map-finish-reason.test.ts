import { expect, test } from "vitest";

import { mapStopReason } from "./anthropic/map-finish-reason.ts";
import { mapChatFinishReason, mapIncompleteReason } from "./openai/map-finish-reason.ts";

test.each([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["max_tokens", "length"],
  ["tool_use", "toolCalls"],
  ["pause_turn", "pause"],
  ["refusal", "refusal"],
  ["model_context_window_exceeded", "contextExceeded"],
  ["a_word_of_tomorrow", "error"],
])("Anthropic's %s is %s", (raw, reason) => {
  expect(mapStopReason(raw)).toBe(reason);
});

test.each([
  ["stop", false, "stop"],
  ["stop", true, "toolCalls"],
  ["eos_token", false, "stop"],
  ["tool_calls", true, "toolCalls"],
  ["function_call", true, "toolCalls"],
  ["length", true, "length"],
  ["content_filter", false, "contentFilter"],
  ["error", false, "error"],
  ["abort", true, "error"],
])("the chat wire's %s (tool calls: %s) is %s", (raw, hasToolCalls, reason) => {
  expect(mapChatFinishReason(raw, hasToolCalls)).toBe(reason);
});

test.each([
  ["max_output_tokens", "length"],
  ["content_filter", "contentFilter"],
  [undefined, "length"],
])("an incomplete response because of %s is %s", (raw, reason) => {
  expect(mapIncompleteReason(raw)).toBe(reason);
});
