import type { PlanEvent } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { addCosts, tallyCost } from "./tally-cost.ts";

function event(type: string, stepId: string, data: object): PlanEvent {
  return { type, stepId, data } as unknown as PlanEvent;
}

const finished = (stepId: string, data: object) =>
  event("model.finished", stepId, { provider: "openai", model: "m", scripted: false, usage: {}, costUsd: 0, ...data });

test("sums by step and model; unknown stays unknown, estimates stay apart", () => {
  const rows = tallyCost([
    finished("a", { usage: { inputTokens: 100, cachedInputTokens: 60, outputTokens: 10 }, costUsd: 0.5, tokens: 110 }),
    finished("a", { usage: { inputTokens: 50, outputTokens: 5 }, costUsd: null }),
    event("model.failed", "a", { costUsd: null, tokens: 70 }),
    event("tool.started", "a", {}),
    finished("b", { model: "n", usage: {}, costUsd: null, tokens: 900, scripted: true }),
    event("model.failed", "c", {}),
  ]);
  expect(rows).toEqual([
    {
      stepId: "a",
      model: "openai/m",
      scripted: false,
      turns: 2,
      brokenTurns: 1,
      inputTokens: 150,
      cachedTokens: 60,
      outputTokens: 15,
      estimatedTokens: 70,
      costUsd: 0.5,
      unknownCostTurns: 2,
    },
    {
      stepId: "b",
      model: "openai/n",
      scripted: true,
      turns: 1,
      brokenTurns: 0,
      inputTokens: 0,
      cachedTokens: null,
      outputTokens: 0,
      estimatedTokens: 900,
      costUsd: 0,
      unknownCostTurns: 1,
    },
    {
      stepId: "c",
      model: "unknown",
      scripted: false,
      turns: 0,
      brokenTurns: 1,
      inputTokens: 0,
      cachedTokens: null,
      outputTokens: 0,
      estimatedTokens: 0,
      costUsd: 0,
      unknownCostTurns: 0,
    },
  ]);
  expect(addCosts(rows)).toMatchObject({ turns: 3, cachedTokens: 60, estimatedTokens: 970, unknownCostTurns: 3 });
});
