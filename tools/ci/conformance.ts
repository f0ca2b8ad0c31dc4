// Prints what every case of durable execution came to on every queue and store, from the reports of the
// suites. Exits 1 when a report is missing, or a case failed or has neither a test nor a reason.
// Argument: the folder of the reports, if it is another.
import { readFileSync } from "node:fs";
import path from "node:path";

import { makeCaseTable } from "./case-table.ts";
import type { CaseReport } from "./case-table.ts";

/** vitest projects that hold cases. */
const projects = ["unit", "pg", "rabbit", "kafka"];

const [folder = ".tools/reports"] = process.argv.slice(2);
const reports: Record<string, CaseReport> = {};
const problems: string[] = [];
for (const project of projects) {
  try {
    reports[project] = JSON.parse(readFileSync(path.join(folder, `${project}.json`), "utf8")) as CaseReport;
  } catch (error) {
    problems.push(`${project}: no report: ${error instanceof Error ? error.message : String(error)}`);
  }
}
const table = makeCaseTable(reports);
problems.push(...table.problems);
for (const line of table.lines) console.log(line);
for (const problem of problems) console.log(`problem: ${problem}`);
console.log(`${table.passed} passed, ${problems.length} failed, ${table.leftOut} not applicable`);
process.exit(problems.length === 0 && table.passed > 0 ? 0 : 1);
