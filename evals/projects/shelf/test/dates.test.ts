import assert from "node:assert/strict";
import { test } from "node:test";

import { addDays, daysBetween, isDay } from "../src/dates.ts";

test("adds days over the end of a month and a leap day", () => {
  assert.equal(addDays("2025-01-31", 1), "2025-02-01");
  assert.equal(addDays("2024-02-28", 1), "2024-02-29");
  assert.equal(addDays("2025-03-01", -1), "2025-02-28");
});

test("counts days in both directions", () => {
  assert.equal(daysBetween("2025-03-01", "2025-03-31"), 30);
  assert.equal(daysBetween("2025-03-31", "2025-03-01"), -30);
});

test("knows days from other texts", () => {
  assert.deepEqual(["2025-02-28", "2025-02-30", "tomorrow", "2025-2-3"].map(isDay), [true, false, false, false]);
});
