import { AgentError } from "@ossaat/contracts";
import { describe, expect, test } from "vitest";

import { defaultModels } from "./pick-model.ts";
import { priceUsage } from "./price.ts";
import { routeModel, routedModels } from "./route-model.ts";

const profile = (provider: string, routing: "balanced" | "high_quality" | "low_cost") => ({
  name: "tester",
  model: { provider, routing },
});

describe("routeModel", () => {
  test.each([
    [
      "a class where nobody named a model",
      "auto",
      "low_cost",
      defaultModels.anthropic,
      false,
      "anthropic/claude-haiku-4-5",
    ],
    ["the model a person named", "auto", "low_cost", "anthropic/claude-opus-5", true, "anthropic/claude-opus-5"],
    ["another vendor than the plan's, though pinned", "openai", "low_cost", "anthropic/x", true, "openai/gpt-5.6-luna"],
    ["the plan's own vendor, pinned", "openai", "low_cost", "openai/local", true, "openai/local"],
    [
      "recorded replies, whatever the profile says",
      "openai",
      "low_cost",
      "scripted:/a.json",
      false,
      "scripted:/a.json",
    ],
  ] as const)("takes %s", (_name, provider, routing, model, isPinned, expected) => {
    expect(routeModel(profile(provider, routing), { model, isPinned })).toBe(expected);
  });

  test("refuses a vendor nobody knows, with what may be written", () => {
    const thrown = (): unknown => {
      try {
        return routeModel(profile("acme", "balanced"), { model: defaultModels.openai, isPinned: false });
      } catch (error) {
        return error;
      }
    };
    expect(thrown()).toMatchObject({ code: "invalid_input", details: { next: expect.stringContaining("anthropic") } });
    expect(thrown()).toBeInstanceOf(AgentError);
  });

  test("every routed model has a known price, and low_cost is the cheapest of its vendor", () => {
    const usage = { input: { total: 1_000_000, uncached: 1_000_000 }, output: { total: 1_000_000 } };
    for (const models of Object.values(routedModels)) {
      const cost = (name: string) => {
        const [provider = "", modelId = ""] = name.split("/");
        const wire = provider === "anthropic" ? "anthropic.messages" : "openai.responses";
        return priceUsage({ provider, modelId, wire }, usage).costUsd;
      };
      expect(cost(models.low_cost)).toBeGreaterThan(0);
      expect(cost(models.low_cost)).toBeLessThan(cost(models.balanced) ?? 0);
      expect(cost(models.high_quality)).toBeGreaterThanOrEqual(cost(models.balanced) ?? Number.POSITIVE_INFINITY);
    }
  });
});
