import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, describe, expect, test } from "vitest";

import { countReport, readReport } from "./read-report.ts";

const file = (status: string, ...tests: [string, string][]) => ({
  name: "a.test.ts",
  status,
  message: "cannot be loaded",
  assertionResults: tests.map(([fullName, state]) => ({
    fullName,
    status: state,
    failureMessages: state === "failed" ? [`\u001B[31m${fullName}\u001B[39m is wrong`] : [],
  })),
});

describe("countReport", () => {
  test("counts passed, failed and skipped tests", () => {
    expect(
      countReport({
        testResults: [file("failed", ["one", "passed"], ["two", "failed"], ["three", "skipped"], ["four", "todo"])],
      }),
    ).toEqual({
      passed: 1,
      failed: 1,
      skipped: 2,
      skippedNames: ["three", "four"],
      failures: [{ name: "two", message: "two is wrong" }],
    });
  });

  test("counts a file that could not be loaded as a failure", () => {
    expect(countReport({ testResults: [file("failed")] })).toEqual({
      passed: 0,
      failed: 1,
      skipped: 0,
      skippedNames: [],
      failures: [{ name: "a.test.ts", message: "cannot be loaded" }],
    });
  });
});

describe("readReport", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });

  function write(report: unknown): string {
    const folder = mkdtempSync(path.join(tmpdir(), "ossaat-report-"));
    folders.push(folder);
    const name = path.join(folder, "report.json");
    writeFileSync(name, JSON.stringify(report));
    return name;
  }

  test("refuses a report in which nothing ran", () => {
    const name = write({ testResults: [file("passed", ["one", "skipped"])] });
    expect(() => readReport(name)).toThrow("no test was run");
  });

  test("refuses a missing report", () => {
    expect(() => readReport("/nowhere/report.json")).toThrow("ENOENT");
  });
});
