// Runs vitest projects one after the other and prints one line of counts, summed from their
// reports. Commands and servers of the tests start from bundles made of the sources of now. With --no-skips a skipped test is a failure.
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";

import { readReport } from "./read-report.ts";
import type { TestCount } from "./read-report.ts";

const reportFolder = ".tools/reports";

function runProject(project: string): TestCount {
  const report = `${reportFolder}/${project}.json`;
  rmSync(report, { force: true });
  const reporters = ["--reporter=dot", "--reporter=json", `--outputFile.json=${report}`];
  const { status } = spawnSync("node_modules/.bin/vitest", ["run", "--project", project, ...reporters], {
    stdio: "inherit",
  });
  const count = readReport(report);
  // An error outside of every test (an unhandled rejection) fails the run without a failed test.
  return status === 0 || count.failed > 0 ? count : { ...count, failed: 1 };
}

const projects = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const allowSkips = !process.argv.includes("--no-skips");
mkdirSync(reportFolder, { recursive: true });
const bundled = spawnSync("node_modules/.bin/node", ["tools/bundle/build-cli.ts"], { stdio: "inherit" });
if (bundled.status !== 0) process.exit(1);
const total = { passed: 0, failed: 0, skipped: 0 };
const skippedNames: string[] = [];
for (const project of projects) {
  console.log(`\n# ${project}`);
  const count = runProject(project);
  total.passed += count.passed;
  total.failed += count.failed + (allowSkips ? 0 : count.skipped);
  total.skipped += count.skipped;
  skippedNames.push(...count.skippedNames.map((name) => `${project}: ${name}`));
}
for (const name of skippedNames) console.log(`skipped: ${name}`);
const skipped = total.skipped === 0 ? "" : `, ${total.skipped} skipped`;
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
