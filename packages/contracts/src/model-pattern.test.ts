import { expect, test } from "vitest";

import { coveredModels, isModelAllowed } from "./model-pattern.ts";

test("a star stands for any part, everything else for itself", () => {
  expect(isModelAllowed("anthropic/claude-x", ["anthropic/*"])).toBe(true);
  expect(isModelAllowed("xanthropic/claude", ["anthropic/*"])).toBe(false);
  expect(isModelAllowed("openai/gpt-5", ["openai/gpt.5"])).toBe(false);
  expect(isModelAllowed("openai/gpt-5", [])).toBe(false);
  expect(isModelAllowed("openai/gpt-5", undefined)).toBe(true);
});

test("what an inner list names beyond the outer one is left out", () => {
  expect(coveredModels(["anthropic/*", "openai/a"], ["anthropic/claude-*", "openai/*", "openai/a", "*"])).toEqual([
    "anthropic/claude-*",
    "openai/a",
  ]);
});
