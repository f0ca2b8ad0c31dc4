import { describe, expect, test } from "vitest";

import { findModelInfo, priceUsage } from "./price.ts";
import type { ModelRef, Usage } from "./spec.ts";

const at = new Date("2026-11-01T00:00:00Z");
const million = 1_000_000;
const sonnet: ModelRef = { provider: "anthropic", modelId: "claude-sonnet-5" };
const mini: ModelRef = { provider: "openai", modelId: "gpt-5-mini" };
const plain: Usage = { input: { total: million }, output: { total: million } };

describe("priceUsage", () => {
  test.each<[string, ModelRef, Usage, number]>([
    ["input and output", mini, plain, 0.25 + 2],
    ["cache reads are cheaper", mini, { input: { total: million, cacheRead: million }, output: { total: 0 } }, 0.025],
    [
      "cache writes of five minutes",
      sonnet,
      { input: { total: million, cacheWrite5m: million }, output: { total: 0 } },
      2.5,
    ],
    ["cache writes of an hour", sonnet, { input: { total: million, cacheWrite1h: million }, output: { total: 0 } }, 4],
    ["a dated name is the same model", { provider: "openai", modelId: "gpt-5-mini-2025-08-07" }, plain, 2.25],
  ])("%s", (_name, ref, usage, expected) => {
    const price = priceUsage(ref, usage, at);
    expect(price.source).toBe("table");
    expect(price.costUsd).toBeCloseTo(expected, 9);
  });

  test.each<[string, ModelRef, Usage]>([
    ["a model nobody knows", { provider: "openai", modelId: "gpt-nope" }, plain],
    ["a vendor nobody knows", { provider: "acme", modelId: "gpt-5-mini" }, plain],
    ["a newer model with an older one's prefix", { provider: "anthropic", modelId: "claude-sonnet-5-99" }, plain],
    ["a custom connection", { ...mini, connection: "127.0.0.1:1234" }, plain],
    ["no input count", mini, { input: {}, output: { total: 1 } }],
    ["no output count", mini, { input: { total: 1 }, output: {} }],
    ["counts that contradict each other", mini, { input: { total: 1, cacheRead: 5 }, output: { total: 1 } }],
  ])("%s costs an unknown amount, not 0", (_name, ref, usage) => {
    expect(priceUsage(ref, usage, at)).toEqual({ costUsd: null, source: "unknown" });
  });

  test("a cost the vendor reports is taken over", () => {
    const ref = { provider: "openai", modelId: "x", connection: "openrouter.ai" };
    expect(priceUsage(ref, { ...plain, reportedCostUsd: 0.5 }, at)).toEqual({ costUsd: 0.5, source: "reported" });
  });

  test("a scripted cost says so", () => {
    const ref = { provider: "scripted", modelId: "x.json" };
    expect(priceUsage(ref, { input: {}, output: {}, reportedCostUsd: 0 }, at)).toEqual({
      costUsd: 0,
      source: "scripted",
    });
  });
});

test("the table knows a model's context window", () => {
  expect(findModelInfo(mini, at)?.context_window).toBe(400_000);
  expect(findModelInfo({ ...mini, connection: "local" }, at)).toBeUndefined();
});
