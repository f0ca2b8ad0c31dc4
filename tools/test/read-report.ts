// Reads vitest's JSON report. A report without a test, or without a readable shape, is an error:
// a run that checked nothing must not look like a pass.
import { readFileSync } from "node:fs";

export type TestCount = { passed: number; failed: number; skipped: number; skippedNames: string[] };

type Report = {
  testResults: {
    name: string;
    status: string;
    assertionResults: { status: string; fullName: string }[];
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
  return {
    passed: names("passed").length,
    failed: names("failed").length + broken.length,
    skipped: skippedNames.length,
    skippedNames,
  };
}

/** @throws Error when the file is missing or holds no test */
export function readReport(file: string): TestCount {
  const count = countReport(JSON.parse(readFileSync(file, "utf8")) as Report);
  if (count.passed + count.failed === 0) throw new Error(`${file}: no test was run`);
  return count;
}
