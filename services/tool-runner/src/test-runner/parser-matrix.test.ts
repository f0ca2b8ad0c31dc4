// Ten runners by five outcomes, on what they really printed: the whole report of each cell, as the
// platform would store it. And what a cut or spoilt output may never become.
import { describe, expect, it } from "vitest";

import type { TestReport } from "@ossaat/contracts";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { buildReport } from "./build-report.ts";
import { detectRunner } from "./detect-runner.ts";
import { parsers } from "./parsers.ts";
import { outcomes, readOutput, readRecorded, readXml } from "./recorded-outputs.ts";
import type { Outcome } from "./recorded-outputs.ts";

type Cell = Omit<TestReport, "runner" | "status">;

const counted = (passed: number, failed: number, skipped: number, failures: Cell["failures"] = []): Cell => ({
  passed,
  failed,
  skipped,
  failures,
});
const unknown: Cell = { failures: [] };
const none = counted(0, 0, 0);
const statuses: Record<Outcome, TestReport["status"]> = {
  pass: "passed",
  fail: "failed",
  crash: "crashed",
  timeout: "timeout",
  "no-tests": "no_tests",
};

const four = "Expected values to be strictly equal:\n\n4 !== 5";
const inFile = (line: number) => ({ at: `test/sum.test.js:${line}` });
const javaScriptFailures = (prefix = "") => [
  { name: `${prefix}multiplies`, message: four, ...inFile(12) },
  { name: `${prefix}throws`, message: "boom", ...inFile(15) },
];
const jestMessage =
  "assert.strictEqual(received, expected)\n\nExpected value to strictly be equal to:\n  5\nReceived:\n  4";
const never = (name: string) => ({ name: `test/sum.test.js > ${name}`, message: "" });

const cells: Record<string, Record<Outcome, Cell>> = {
  vitest: {
    pass: counted(2, 0, 1),
    fail: counted(2, 2, 0, javaScriptFailures("test/sum.test.js > ")),
    crash: counted(0, 3, 0, [never("adds"), never("aborts"), never("never")]),
    timeout: unknown,
    "no-tests": none,
  },
  jest: {
    pass: counted(2, 0, 1),
    fail: counted(2, 2, 0, [
      { name: "multiplies", message: jestMessage, ...inFile(11) },
      { name: "throws", message: "Error: boom", ...inFile(14) },
    ]),
    crash: unknown,
    timeout: unknown,
    "no-tests": none,
  },
  mocha: {
    pass: counted(2, 0, 1),
    fail: counted(2, 2, 0, javaScriptFailures()),
    crash: unknown,
    timeout: unknown,
    "no-tests": none,
  },
  "node-test": {
    pass: counted(2, 0, 1),
    fail: counted(2, 2, 0, javaScriptFailures()),
    crash: counted(0, 1, 0, [{ name: "test/sum.test.js", message: "test failed" }]),
    timeout: unknown,
    "no-tests": none,
  },
  pytest: {
    pass: counted(1, 0, 1),
    fail: counted(1, 2, 0, [
      { name: "test_sum.py::test_multiplies", message: "AssertionError: four", at: "test_sum.py:10" },
      { name: "test_sum.py::test_throws", message: "ValueError: boom", at: "test_sum.py:14" },
    ]),
    crash: unknown,
    timeout: unknown,
    "no-tests": none,
  },
  unittest: {
    pass: counted(1, 0, 1),
    fail: counted(1, 2, 0, [
      { name: "test_throws (test_sum.TestSum.test_throws)", message: "ValueError: boom", at: "test_sum.py:13" },
      {
        name: "test_multiplies (test_sum.TestSum.test_multiplies)",
        message: "AssertionError: 4 != 5",
        at: "test_sum.py:10",
      },
    ]),
    crash: unknown,
    timeout: unknown,
    "no-tests": none,
  },
  "go-test": {
    pass: counted(1, 0, 1),
    fail: counted(1, 1, 0, [
      { name: "example.test/sum.TestTable/inner", message: "sum_test.go:15: got 4, want 5", at: "sum_test.go:15" },
    ]),
    crash: counted(1, 1, 0, [{ name: "example.test/sum", message: "its tests crashed in example.test/sum.TestExits" }]),
    timeout: counted(1, 0, 0),
    "no-tests": none,
  },
  "cargo-test": {
    pass: counted(1, 0, 1),
    fail: counted(1, 2, 0, [
      {
        name: "tests::throws",
        message: "thread 'tests::throws' (1) panicked at src/lib.rs:17:9:\nboom",
        at: "src/lib.rs:17",
      },
      {
        name: "tests::multiplies",
        message:
          "thread 'tests::multiplies' (1) panicked at src/lib.rs:13:9:\nassertion `left == right` failed: four\n  left: 4\n right: 5",
        at: "src/lib.rs:13",
      },
    ]),
    crash: counted(1, 0, 0),
    timeout: counted(1, 0, 0),
    "no-tests": none,
  },
  maven: {
    pass: counted(1, 0, 1),
    fail: counted(1, 2, 0, [
      { name: "sum.SumTest.multiplies", message: "expected: <5> but was: <4>", at: "sum/SumTest.java:16" },
      { name: "sum.SumTest.throwing", message: "boom", at: "sum/SumTest.java:21" },
    ]),
    crash: none,
    timeout: unknown,
    "no-tests": none,
  },
  gradle: {
    pass: counted(1, 0, 1),
    fail: counted(1, 2, 0, [
      {
        name: "sum.SumTest.multiplies",
        message: "java.lang.AssertionError: expected:<5> but was:<4>",
        at: "sum/SumTest.java:17",
      },
      { name: "sum.SumTest.throwing", message: "java.lang.IllegalStateException: boom", at: "sum/SumTest.java:22" },
    ]),
    crash: unknown,
    timeout: unknown,
    "no-tests": none,
  },
};

const parserOf: Record<string, (output: string, reports?: readonly string[]) => ReturnType<typeof parsers.maven>> = {
  vitest: parsers.vitest,
  jest: parsers.jest,
  mocha: parsers.mocha,
  "node-test": parsers.nodeTest,
  pytest: parsers.pytest,
  unittest: parsers.unittest,
  "go-test": parsers.go,
  "cargo-test": parsers.cargo,
  maven: parsers.maven,
  gradle: parsers.gradle,
};

const runners = Object.keys(cells);

type Ending = { exitCode: number | null; timedOut: boolean };

function report(runner: string, output: string, xml: readonly string[], ending: Ending): TestReport {
  return buildReport(runner, parserOf[runner]?.(output, xml), ending);
}

describe("the matrix", () => {
  const rows = runners.flatMap((runner) => outcomes.map((outcome) => [runner, outcome] as const));

  it("has ten runners by five outcomes, each recorded with its version", () => {
    expect(rows.length).toBe(50);
    for (const runner of runners) expect(readRecorded(runner).version, runner).toMatch(/\d+\.\d+/u);
  });

  it.each(rows)("%s, %s", (runner, outcome) => {
    const found = report(
      runner,
      readOutput(runner, outcome),
      readXml(runner, outcome),
      readRecorded(runner).endings[outcome],
    );
    expect(found).toEqual({ runner, status: statuses[outcome], ...cells[runner]?.[outcome] });
  });

  it("would be failed by a parser that takes every run for a pass", () => {
    const wrong = rows.filter(([runner, outcome]) => {
      const hopeful = buildReport(runner, counted(1, 0, 0), { exitCode: 0, timedOut: false });
      return hopeful.status === statuses[outcome];
    });
    expect(wrong.map(([, outcome]) => outcome)).toEqual(runners.map(() => "pass"));
  });
});

describe("the recorded command", () => {
  const manifests: Record<string, Record<string, string>> = {
    vitest: { "package.json": '{"scripts":{"test":"vitest"}}' },
    jest: { "package.json": '{"scripts":{"test":"jest"}}' },
    mocha: { "package.json": '{"scripts":{"test":"mocha"}}' },
    "node-test": { "package.json": '{"scripts":{"test":"node --test"}}' },
    pytest: { "test_sum.py": "import pytest" },
    unittest: { "test_sum.py": "import unittest" },
    "go-test": { "go.mod": "module x" },
    "cargo-test": { "Cargo.toml": "" },
    maven: { "pom.xml": "", "core/pom.xml": "" },
    gradle: { "build.gradle": "", "core/build.gradle.kts": "" },
  };

  it.each(runners)("of %s is the one that the platform runs", async (runner) => {
    const dir = makeTempDir();
    try {
      const files = openWorkspaceFiles(dir.path);
      const own = manifests[runner] ?? {};
      for (const [path, content] of Object.entries(own)) await files.write(path, content);
      const found = await detectRunner({ files, paths: Object.keys(own), filter: undefined, placeOf: (each) => each });
      expect(found?.argv).toEqual(readRecorded(runner).argv);
      const reports: Record<string, string[]> = {
        maven: ["target/surefire-reports", "core/target/surefire-reports"],
        gradle: ["build/test-results/test", "core/build/test-results/test"],
      };
      expect(found?.reportFolders).toEqual(reports[runner]);
    } finally {
      dir.remove();
    }
  });
});

describe("an output that is cut", () => {
  it.each(runners)("of %s never says more than the whole, and never success where there was none", (runner) => {
    const [pass, xml] = [readOutput(runner, "pass"), readXml(runner, "pass")];
    const whole = report(runner, pass, xml, { exitCode: 0, timedOut: false });
    for (let end = 0; end < pass.length; end += 1) {
      const cut = pass.slice(0, end);
      const good = report(runner, cut, xml, { exitCode: 0, timedOut: false });
      // Right to the last byte: with fewer tests than there were it is no pass at all.
      if (good.status === "passed") expect([end, good.passed, good.failed]).toEqual([end, whole.passed, 0]);
      expect(good.passed ?? 0).toBeLessThanOrEqual(whole.passed ?? 0);
      expect(report(runner, cut, xml, { exitCode: 1, timedOut: false }).status).not.toBe("passed");
      expect(report(runner, cut, [], { exitCode: null, timedOut: false }).status).not.toBe("passed");
    }
  });

  it.each(runners)("of %s hides no failure", (runner) => {
    const [fail, xml] = [readOutput(runner, "fail"), readXml(runner, "fail")];
    const ending = readRecorded(runner).endings.fail;
    for (let end = 0; end < fail.length; end += 1) {
      expect(["failed", "crashed"], `cut at ${end}`).toContain(report(runner, fail.slice(0, end), xml, ending).status);
    }
  });

  it.each(["maven", "gradle"])("a report of %s is cut: no pass", (runner) => {
    const [xml = ""] = readXml(runner, "pass");
    for (let end = 0; end < xml.trimEnd().length; end += 1) {
      const found = report(runner, readOutput(runner, "pass"), [xml.slice(0, end)], { exitCode: 0, timedOut: false });
      expect(found.status, `cut at ${end}`).toBe("crashed");
    }
  });

  it.each(runners)("of %s, with a stretch taken out, is no success when the run was none", (runner) => {
    for (const outcome of ["fail", "crash", "timeout", "no-tests"] as const) {
      const [output, xml] = [readOutput(runner, outcome), readXml(runner, outcome)];
      for (let start = 0; start < output.length; start += 7) {
        const spoilt = output.slice(0, start) + output.slice(start + 1 + ((start * 31) % 200));
        const found = report(runner, spoilt, xml, readRecorded(runner).endings[outcome]);
        expect(found.status, `${outcome} without a stretch at ${start}`).not.toBe("passed");
      }
    }
  });
});
