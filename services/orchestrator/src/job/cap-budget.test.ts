import { expect, test } from "vitest";

import { capBudget } from "./cap-budget.ts";

test.each([
  [{ maxCostUsd: 9, maxTokens: 5 }, { maxCostUsd: 1 }, { maxCostUsd: 1, maxTokens: 5 }],
  [{ maxCostUsd: 0.5 }, { maxCostUsd: 1 }, { maxCostUsd: 0.5 }],
  [{}, { maxTokens: 10, maxMinutes: 2 }, { maxTokens: 10, maxMinutes: 2 }],
  [{ maxCostUsd: 9 }, undefined, { maxCostUsd: 9 }],
  [{ maxCostUsd: 9 }, {}, { maxCostUsd: 9 }],
])("%j under %j is %j", (asked, caps, held) => {
  expect(capBudget(asked, caps)).toEqual(held);
});
