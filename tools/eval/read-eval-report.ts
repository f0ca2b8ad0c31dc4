// Counts of the report of the reference tasks. A report without a solved task is an error.
import { readFileSync } from "node:fs";

type Report = {
  results: { oracle: string; passed: boolean }[];
  left: { excused: boolean }[];
};

/** A task that was left out without an excuse counts as failed. */
export function countEvalReport({ results, left }: Report): { passed: number; failed: number } {
  const passed = results.filter((result) => result.passed).length;
  return { passed, failed: results.length - passed + left.filter(({ excused }) => !excused).length };
}

/** @throws Error when the file is missing or no task was solved */
export function readEvalReport(file: string): { passed: number; failed: number } {
  const report = JSON.parse(readFileSync(file, "utf8")) as Report;
  if (!report.results.some(({ oracle, passed }) => oracle === "oracle" && passed)) {
    throw new Error(`${file}: no task was solved`);
  }
  return countEvalReport(report);
}
