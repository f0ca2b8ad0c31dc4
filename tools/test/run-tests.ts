// Runs vitest projects and prints one line of counts, summed from their reports. Each word is a lane: the
// projects in it, joined by commas, run one after the other; lanes run side by side. Commands and servers of
// the tests start from bundles made of the sources of now. With --no-skips a skipped test is a failure.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";

import { readReport } from "./read-report.ts";
import type { TestCount } from "./read-report.ts";

const reportFolder = ".tools/reports";

const lanes = process.argv
  .slice(2)
  .filter((word) => !word.startsWith("--"))
  .map((word) => word.split(","));
const allowSkips = !process.argv.includes("--no-skips");

/** Runs vitest; beside others it is told as a whole when it has ended. @returns exit code */
async function runVitest(project: string, report: string): Promise<number | null> {
  const words = ["run", "--project", project, "--reporter=dot", "--reporter=json", `--outputFile.json=${report}`];
  if (lanes.length === 1) {
    const alone = spawn("node_modules/.bin/vitest", words, { stdio: "inherit" });
    return ((await once(alone, "exit")) as [number | null])[0];
  }
  const said = `${reportFolder}/${project}.out`;
  const output = await open(said, "w");
  const child = spawn("node_modules/.bin/vitest", words, { stdio: ["ignore", output.fd, output.fd] });
  const [status] = (await once(child, "exit")) as [number | null];
  await output.close();
  process.stdout.write(readFileSync(said, "utf8"));
  return status;
}

/** A project whose report cannot be read has failed; the others go on. */
function countOf(report: string): TestCount {
  try {
    return readReport(report);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    return { passed: 0, failed: 1, skipped: 0, skippedNames: [], failures: [] };
  }
}

async function runProject(project: string): Promise<TestCount> {
  const report = `${reportFolder}/${project}.json`;
  rmSync(report, { force: true });
  console.log(`\n# ${project}`);
  const status = await runVitest(project, report);
  const count = countOf(report);
  // An error outside of every test (an unhandled rejection) fails the run without a failed test.
  return status === 0 || count.failed > 0 ? count : { ...count, failed: 1 };
}

mkdirSync(reportFolder, { recursive: true });
const bundled = spawnSync("node_modules/.bin/node", ["tools/bundle/build-cli.ts"], { stdio: "inherit" });
if (bundled.status !== 0) process.exit(1);
const total = { passed: 0, failed: 0, skipped: 0 };
const skippedNames: string[] = [];
async function runLane(projects: readonly string[]): Promise<void> {
  for (const project of projects) {
    const count = await runProject(project);
    total.passed += count.passed;
    total.failed += count.failed + (allowSkips ? 0 : count.skipped);
    total.skipped += count.skipped;
    skippedNames.push(...count.skippedNames.map((name) => `${project}: ${name}`));
  }
}
await Promise.all(lanes.map(runLane));
for (const name of skippedNames) console.log(`skipped: ${name}`);
const skipped = total.skipped === 0 ? "" : `, ${total.skipped} skipped`;
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
