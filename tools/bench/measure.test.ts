import { expect, test } from "vitest";

import { compare, median } from "./measure.ts";

test("the median is the middle one, and of nothing there is none", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(() => median([])).toThrow("nothing was measured");
});

test("compares medians, the first round of each left out", async () => {
  const values = { ours: [100, 6, 8, 4], baseline: [100, 2, 2, 2] };
  const figure = await compare({
    name: "x",
    unit: "ms",
    baselineName: "y",
    goal: { better: "lower", ratio: 4 },
    rounds: 3,
    measureOurs: () => values.ours.shift() ?? Number.NaN,
    measureBaseline: () => values.baseline.shift() ?? Number.NaN,
  });
  expect(figure).toEqual({
    name: "x",
    unit: "ms",
    baselineName: "y",
    goal: { better: "lower", ratio: 4 },
    ours: 6,
    baseline: 2,
    ratio: 3,
  });
});
