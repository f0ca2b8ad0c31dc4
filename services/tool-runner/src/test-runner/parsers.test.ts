// The fixtures are what the named versions really printed for a small project with a passing, a
// failing, a skipped and a broken test each; only folder names were replaced.
import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { parsers } from "./parsers.ts";

const fixture = (name: string) => readFileSync(new URL(`./fixtures/${name}.txt`, import.meta.url), "utf8");

describe("real output", () => {
  it("of node:test as TAP", () => {
    expect(parsers.nodeTest(fixture("node-24-tap"))).toEqual({
      passed: 2,
      failed: 3,
      skipped: 2,
      failures: [
        { name: "subtracts", message: "two minus one", at: "a.test.js:3" },
        { name: "inner bad", message: "boom", at: "a.test.js:5" },
      ],
    });
  });

  it("of node:test for people", () => {
    const counts = parsers.nodeTest(fixture("node-24-spec"));
    expect(counts).toMatchObject({ passed: 2, failed: 3, skipped: 2 });
    expect(counts?.failures.map((failure) => [failure.name, failure.message.split("\n")[0]])).toEqual([
      ["subtracts", "AssertionError [ERR_ASSERTION]: two minus one"],
      ["inner bad", "Error: boom"],
    ]);
  });

  it("of vitest as TAP, JSON and text", () => {
    const missing = "Cannot find module './missing.ts' imported from /workspace/broken.test.ts";
    expect(parsers.vitest(fixture("vitest-5-tap-flat"))).toEqual({
      passed: 1,
      failed: 2,
      skipped: 2,
      failures: [
        { name: "a.test.ts > sum > wrong", message: "expected 2 to be 3 // Object.is equality", at: "a.test.ts:2" },
        { name: "broken.test.ts", message: missing, at: "broken.test.ts:1" },
      ],
    });
    const json = parsers.vitest(fixture("vitest-5-json"));
    expect(json).toMatchObject({ passed: 1, failed: 2, skipped: 2 });
    expect(json?.failures.map((failure) => [failure.name, failure.message.split("\n")[0]])).toEqual([
      ["sum wrong", "AssertionError: expected 2 to be 3 // Object.is equality"],
      ["broken.test.ts", missing],
    ]);
    expect(parsers.vitest(fixture("vitest-5-default"))).toMatchObject({ passed: 1, failed: 1, skipped: 2 });
  });

  it("of pytest", () => {
    expect(parsers.pytest(fixture("pytest-9"))).toEqual({
      passed: 1,
      failed: 2,
      skipped: 2,
      failures: [
        { name: "test_a.py::test_wrong", message: "AssertionError: two is not three", at: "test_a.py:3" },
        { name: "test_a.py::test_error", message: "RuntimeError: no fixture", at: "test_a.py:9" },
      ],
    });
    expect(parsers.pytest(fixture("pytest-9-collection"))).toEqual({
      passed: 0,
      failed: 2,
      skipped: 0,
      failures: [
        { name: "test_a.py", message: "ModuleNotFoundError: No module named 'no_such_module'" },
        { name: "test_c.py", message: "SyntaxError: invalid syntax" },
      ],
    });
    expect(parsers.pytest("\nno tests ran in 0.00s\n")).toEqual({ passed: 0, failed: 0, skipped: 0, failures: [] });
  });

  it("of unittest", () => {
    expect(parsers.unittest(fixture("unittest-python-3.11"))).toEqual({
      passed: 1,
      failed: 2,
      skipped: 2,
      failures: [
        { name: "test_err (test_a.T.test_err)", message: "ValueError: boom", at: "test_a.py:5" },
        { name: "test_bad (test_a.T.test_bad)", message: "AssertionError: 1 != 2 : not equal", at: "test_a.py:4" },
      ],
    });
  });

  it("of go test", () => {
    expect(parsers.go(fixture("go-1.26"))).toEqual({
      passed: 1,
      failed: 2,
      skipped: 1,
      failures: [
        { name: "x.TestBad/inner", message: "a_test.go:4: got 1, want 2", at: "a_test.go:4" },
        { name: "x/broken", message: "broken/b_test.go:3:28: undefined: missing" },
      ],
    });
  });

  it("of cargo test", () => {
    const counts = parsers.cargo(fixture("cargo-1.95"));
    expect(counts).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
    expect(counts?.failures.map((failure) => failure.name)).toEqual(["tests::wrong"]);
    expect(counts?.failures[0]?.message).toContain("assertion `left == right` failed: two is not three");
  });
});

describe("output written by hand after the runners' documentation", () => {
  it("of mocha", () => {
    const stats = { passes: 3, failures: 1, pending: 2 };
    const report = JSON.stringify({ stats, failures: [{ fullTitle: "a b", err: { message: "no" } }] }, null, 2);
    expect(parsers.mocha(`noise\n${report}\n`)).toEqual({
      passed: 3,
      failed: 1,
      skipped: 2,
      failures: [{ name: "a b", message: "no" }],
    });
    expect(parsers.mocha("  3 passing (5ms)\n  1 failing\n")).toEqual({
      passed: 3,
      failed: 1,
      skipped: 0,
      failures: [],
    });
  });

  it("of jest", () => {
    expect(parsers.jest("Tests:       1 failed, 2 skipped, 3 passed, 6 total\n")).toEqual({
      passed: 3,
      failed: 1,
      skipped: 2,
      failures: [],
    });
  });

  it("of Maven and Gradle", () => {
    expect(
      parsers.maven(
        "[INFO] Tests run: 2, Failures: 0, Errors: 0, Skipped: 0 -- in A\n[ERROR] Tests run: 5, Failures: 1, Errors: 1, Skipped: 1\n",
      ),
    ).toEqual({
      passed: 2,
      failed: 2,
      skipped: 1,
      failures: [],
    });
    expect(
      parsers.gradle("ATest > adds FAILED\n    java.lang.AssertionError\n\n3 tests completed, 1 failed, 1 skipped\n"),
    ).toEqual({
      passed: 1,
      failed: 1,
      skipped: 1,
      failures: [{ name: "ATest > adds", message: "" }],
    });
  });
});

describe("any output", () => {
  it("is recognised by what it says", () => {
    for (const name of ["node-24-tap", "pytest-9", "unittest-python-3.11", "cargo-1.95", "vitest-5-default"]) {
      expect(parsers.any(fixture(name))?.failed).toBeGreaterThan(0);
    }
  });

  it.each(["", "ok\n", "All good!\n", "Error: cannot find module\n", "0\n", "{}\n", "{ not json\n"])(
    "is never taken for a pass when it is unknown: %j",
    (output) => {
      for (const parse of Object.values(parsers)) expect(parse(output)?.passed ?? 0).toBe(0);
    },
  );

  it("is read in reasonable time however it looks", () => {
    const hostile = [
      `${"{".repeat(5_000)}\n`.repeat(20),
      "not ok 1 - x\n".repeat(5_000),
      "=".repeat(200_000),
      "1 passed, ".repeat(20_000),
    ];
    for (const output of hostile) {
      for (const parse of Object.values(parsers)) {
        const startedAt = process.cpuUsage();
        parse(output);
        const { user } = process.cpuUsage(startedAt);
        // A bound against backtracking for ever, far above what any of these takes.
        expect(user).toBeLessThan(5_000_000);
      }
    }
  });
});
