import { expect, test } from "vitest";

import { interleave, median, quantile, smallest, toResult } from "./measure.ts";

test("the median is the middle one, and of nothing there is none", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(quantile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.95)).toBe(10);
  expect(smallest([5, 1, 3])).toBe(1);
  expect(() => median([])).toThrow("nothing was measured");
  expect(() => median([1, Number.NaN])).toThrow("not a figure among 1, NaN");
});

test("measures in turns, the first round of each left out", async () => {
  const order: string[] = [];
  const values = { ours: [100, 6, 8, 4], baseline: [100, 2, 2, 2] };
  const take = (name: "ours" | "baseline") => () => {
    order.push(name);
    return values[name].shift() ?? Number.NaN;
  };
  const series = await interleave(3, take("ours"), take("baseline"));
  expect(series).toEqual({ ours: [6, 8, 4], baseline: [2, 2, 2] });
  expect(order).toEqual(["baseline", "ours", "baseline", "ours", "baseline", "ours", "baseline", "ours"]);
});

test("a ratio is compared with its goal, whichever way is better", () => {
  const spec = { id: "x", unit: "ms", baselineName: "y" };
  const series = { ours: [4, 6, 8], baseline: [2, 2, 2] };
  const row = (relation: "≤" | "≥", limit: number) =>
    toResult({ ...spec, goal: { of: "ratio", relation, limit } }, series);
  expect(row("≤", 3)).toEqual({
    id: "x",
    value: 6,
    unit: "ms",
    baseline: 2,
    baselineName: "y",
    ratio: 3,
    goal: { of: "ratio", relation: "≤", limit: 3 },
    holds: true,
    noise: 2 / 6,
  });
  expect([row("≤", 2.9).holds, row("≥", 3).holds, row("≥", 3.1).holds]).toEqual([false, true, false]);
});

test("a value is compared with its goal without a baseline, and a stated row with none", () => {
  const spec = { id: "x", unit: "s", baselineName: null };
  const series = { ours: [2.5], baseline: [] };
  expect(toResult({ ...spec, goal: { of: "value", relation: "≤", limit: 2 } }, series)).toMatchObject({
    value: 2.5,
    baseline: null,
    ratio: null,
    holds: false,
  });
  expect(toResult({ ...spec, goal: null }, series).holds).toBe(null);
});

test("what was not measured makes no row", () => {
  const goal = { of: "ratio", relation: "≤", limit: 3 } as const;
  const spec = { id: "x", unit: "ms", goal };
  expect(() => toResult({ ...spec, baselineName: "y" }, { ours: [1], baseline: [] })).toThrow("nothing was measured");
  expect(() => toResult({ ...spec, baselineName: null }, { ours: [1], baseline: [1] })).toThrow("needs a baseline");
});
