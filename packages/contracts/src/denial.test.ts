import { expect, it } from "vitest";

import { boundDenials, denialLimits } from "./denial.ts";
import type { Denial } from "./denial.ts";

const denial = (what: string): Denial => ({ layer: "changes", rule: "outside_envelope", what });

it("keeps a short list as it is", () => {
  const few = [denial("a"), denial("b")];
  expect(boundDenials(few)).toEqual(few);
  expect(boundDenials([])).toEqual([]);
});

it("cuts long texts and long lists, and says how many were left out", () => {
  const many = Array.from({ length: denialLimits.maxPerCall + 10 }, (_none, index) => denial(`${index}`));
  const bounded = boundDenials([denial("x".repeat(10_000)), ...many]);
  expect(bounded).toHaveLength(denialLimits.maxPerCall);
  expect(bounded[0]?.what).toHaveLength(denialLimits.maxWhatChars);
  expect(bounded.at(-1)).toEqual({ layer: "changes", rule: "more", what: "and 12 more" });
});
