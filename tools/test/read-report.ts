// Reads vitest's JSON report. A report without a test, or without a readable shape, is an error:
// a run that checked nothing must not look like a pass.
import { readFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

/** A test that failed and what it said. */
export type FailedTest = { name: string; message: string };

export type TestCount = {
  passed: number;
  failed: number;
  skipped: number;
  skippedNames: string[];
  failures: FailedTest[];
};

type Report = {
  testResults: {
    name: string;
    status: string;
    /** Why the file could not be loaded. */
    message?: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] }[];
  }[];
};

/** Counts of one report; a file that could not be loaded counts as one failed test. */
export function countReport(report: Report): TestCount {
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const broken = report.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every(({ status }) => status !== "failed"),
  );
  const names = (status: string) => tests.filter((test) => test.status === status).map(({ fullName }) => fullName);
  const skippedNames = ["skipped", "pending", "todo"].flatMap(names);
  const failures = [
    ...tests
      .filter(({ status }) => status === "failed")
      .map(({ fullName, failureMessages = [] }) => ({ name: fullName, message: failureMessages.join("\n") })),
    ...broken.map(({ name, message = "" }) => ({ name, message })),
  ];
  return {
    passed: names("passed").length,
    failed: failures.length,
    skipped: skippedNames.length,
    skippedNames,
    failures: failures.map(({ name, message }) => ({ name, message: stripVTControlCharacters(message) })),
  };
}

/** @throws Error when the file is missing or holds no test */
export function readReport(file: string): TestCount {
  const count = countReport(JSON.parse(readFileSync(file, "utf8")) as Report);
  if (count.passed + count.failed === 0) throw new Error(`${file}: no test was run`);
  return count;
}
