import { expect, test } from "vitest";

import { grows, measureGrowth } from "./growth.ts";
import type { Sample } from "./growth.ts";

/** A sample each 5 s; noise that repeats, and a peak now and then. */
function series(slopePerHour: number, count = 36): Sample[] {
  return Array.from({ length: count }, (_, n) => {
    const minute = n / 12;
    const noise = [0.3, -0.2, 0.1, -0.4, 0.2][n % 5] ?? 0;
    return { minute, megabytes: 80 + (slopePerHour * minute) / 60 + noise + (n % 13 === 0 ? 15 : 0) };
  });
}

test("a series that stands still does not grow, whatever its peaks", () => {
  const growth = measureGrowth(series(0));
  expect(Math.abs(growth.slope)).toBeLessThan(10);
  expect(grows(growth)).toBe(false);
});

test("a leak is told from noise within three minutes", () => {
  const growth = measureGrowth(series(200));
  expect(growth.slope).toBeGreaterThan(150);
  expect(growth.low).toBeGreaterThan(100);
  expect(grows(growth)).toBe(true);
});

test("what grows only while caches fill does not count", () => {
  const filling = series(0).map((sample, n) => (n < 10 ? { ...sample, megabytes: 40 + n * 4 } : sample));
  expect(grows(measureGrowth(filling))).toBe(false);
});

test("too few samples give no verdict", () => {
  expect(() => measureGrowth(series(0, 12))).toThrow("too few");
});
