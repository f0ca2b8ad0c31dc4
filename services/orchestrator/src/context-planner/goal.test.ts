import { assert, pre, property, stringMatching } from "fast-check";
import { expect, test } from "vitest";

import { contentWords, readGoal } from "./goal.ts";
import { plannerLimits } from "./limits.ts";

test.each([
  ["Fix the crash when the cart is empty", "fix"],
  ["The cart total is wrong for coupons", "fix"],
  ["Add a --json flag to the list command", "feature"],
  ["Support coupons that expire", "feature"],
  ["Rename cartTotal to sumOfCart", "rename"],
  ["Refactor the retry logic", "refactor"],
  ["Extract the price rules into a module", "refactor"],
  ["Remove the deprecated export", "remove"],
  ["Add tests for applyCoupon", "test"],
  ["Increase test coverage of the http folder", "test"],
  ["Add a feature with tests", "feature"],
  ["Document the retry policy", "docs"],
  ["Fix a typo in the README", "docs"],
  ["Bump zod to 4.2.0", "dependency"],
  ["Update the dependencies", "dependency"],
  ["Fix the failing build", "build"],
  ["The type check fails in CI", "build"],
])("%s is %s", (goal, kind) => {
  expect(readGoal(goal).map((clause) => clause.kind)).toEqual([kind]);
});

test("a goal is cut where another task begins", () => {
  const clauses = readGoal(
    "Fix the cart total and add a flag to the server; document it, then rename foo_bar to baz_qux",
  );
  expect(clauses.map(({ kind, text, refersBack }) => [kind, text, refersBack])).toEqual([
    ["fix", "Fix the cart total", false],
    ["feature", "add a flag to the server", false],
    ["docs", "document it", true],
    ["rename", "rename foo_bar to baz_qux", false],
  ]);
  expect(clauses[3]?.rename).toEqual({ from: "foo_bar", to: "baz_qux" });
});

test("an enumeration of things is one task", () => {
  expect(readGoal("Add support for red, green and blue")).toHaveLength(1);
});

test("names, paths and versions are read as written", () => {
  const [clause] = readGoal(
    "Fix `RetryPolicy.delayMs()` in src/http/retry-request.ts when max_attempts is 0, e.g. in Node.js",
  );
  expect(clause).toMatchObject({
    names: ["RetryPolicy.delayMs", "max_attempts"],
    paths: ["src/http/retry-request.ts"],
  });
  expect(readGoal("Upgrade @scope/pkg from 1.0 to v2.1.0.")[0]?.dependency).toEqual({
    name: "@scope/pkg",
    version: "v2.1.0",
  });
});

test("words that only say what to do are left out", () => {
  expect(contentWords("Please fix the bug so that cartTotal works again")).toEqual(["cart", "total"]);
});

test("any text gives between one and the limit of clauses", () => {
  assert(
    property(stringMatching(/\S[\s\S]*/u), (goal) => {
      pre(goal.trim().replaceAll(/[;.!\s]/gu, "") !== "");
      const { length } = readGoal(goal);
      expect(length).toBeGreaterThan(0);
      expect(length).toBeLessThanOrEqual(plannerLimits.maxClauses);
    }),
  );
});
