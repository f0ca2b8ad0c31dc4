import { assert, double, integer, property } from "fast-check";
import { describe, expect, test } from "vitest";

import { backoffMs } from "./backoff.ts";

describe("backoffMs", () => {
  test("spreads over the whole range, which doubles up to five minutes", () => {
    const rows = [1, 2, 3, 8, 9, 10, 60].map((failures) => [
      backoffMs(failures, () => 0),
      backoffMs(failures, () => 0.5),
      backoffMs(failures, () => 1 - Number.EPSILON),
    ]);
    expect(rows).toEqual([
      [0, 500, 999],
      [0, 1_000, 1_999],
      [0, 2_000, 3_999],
      [0, 64_000, 127_999],
      [0, 128_000, 255_999],
      [0, 150_000, 299_999],
      [0, 150_000, 299_999],
    ]);
  });

  test("is what the other side asked for, without chance", () => {
    expect([0, 50, 90_000, -1].map((asked) => backoffMs(3, () => 0.7, asked))).toEqual([0, 50, 90_000, 0]);
  });

  test("is never negative and never over the cap", () => {
    assert(
      property(integer({ min: 0, max: 1_000 }), double({ min: 0, max: 0.999, noNaN: true }), (failures, chance) => {
        const ms = backoffMs(failures, () => chance);
        expect(ms >= 0 && ms < 300_000 && Number.isInteger(ms)).toBe(true);
      }),
    );
  });
});
