// The closing count of a whole run: every test of every report, every other step as one. A
// missing report, a step that did not run and a skipped test are failures.
import { existsSync, readFileSync } from "node:fs";

import { readEvalReport } from "../eval/read-eval-report.ts";
import { readReport } from "../test/read-report.ts";

const reportFolder = ".tools/reports";

/** vitest projects that must have left a report. */
const attacks = process.getuid?.() === 0 ? ["attacks-root", "attacks-user"] : ["attacks-user"];
const projects = [
  "unit",
  "unit-apart",
  "sandbox",
  "e2e",
  "cli",
  "pg",
  "rabbit",
  "kafka",
  "faults",
  "faults-alone",
  ...attacks,
];

/** Steps without a report of their own; the others are counted by theirs. */
const steps = ["check", "policy", "demo", "bench", "conformance"];

type StepLine = { step: string; status: number; seconds: number; cpuSeconds: number };

function readSteps(): StepLine[] {
  const file = `${reportFolder}/steps.jsonl`;
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as StepLine);
}

const say = (text: string) => console.log(text);

/** The count of a program that writes its own, and what it found. @throws Error when there is none */
function readCount(file: string): { passed: number; failed: number; problems?: string[] } {
  const { passed, failed, problems = [] } = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  if (typeof passed !== "number" || typeof failed !== "number") throw new Error(`${file} holds no count`);
  return { passed, failed, problems: problems as string[] };
}

/** Lines of a failure that are repeated at the end of the run. */
const shownLines = 25;

let passed = 0;
let failed = 0;
/** What failed, told last, so that the end of a log is enough to know it. */
const failures: string[] = [];

function noteFailure(suite: string, name: string, message: string): void {
  failures.push(`failed: ${suite}: ${name}`);
  for (const line of message.split("\n").slice(0, shownLines)) failures.push(`    ${line}`);
}

for (const project of projects) {
  try {
    const count = readReport(`${reportFolder}/${project}.json`);
    passed += count.passed;
    failed += count.failed + count.skipped;
    say(`${project}: ${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    for (const { name, message } of count.failures) noteFailure(project, name, message);
    for (const name of count.skippedNames) noteFailure(project, name, "skipped, which counts as failed");
  } catch (error) {
    failed += 1;
    noteFailure(project, "its report", error instanceof Error ? error.message : String(error));
  }
}
const counted = ["chaos", "chaos-rabbit", "chaos-kafka", "chaos-mutations", "demo-stacks"];
const counts = {
  ...Object.fromEntries(counted.map((name) => [name, () => readCount(`${reportFolder}/${name}.json`)])),
  "eval-tasks": () => readEvalReport(`${reportFolder}/eval-tasks.json`),
};
for (const [name, read] of Object.entries(counts)) {
  try {
    const count: { passed: number; failed: number; problems?: string[] } = read();
    passed += count.passed;
    failed += count.failed;
    say(`${name}: ${count.passed} passed, ${count.failed} failed`);
    for (const problem of count.problems ?? []) noteFailure(name, "found", problem);
  } catch (error) {
    failed += 1;
    noteFailure(name, "its count", error instanceof Error ? error.message : String(error));
  }
}
const ran = readSteps();
for (const { step, status, seconds, cpuSeconds } of ran) {
  say(`${step}: exit ${status} after ${seconds} s, ${cpuSeconds} s of the processor`);
}
for (const name of steps) {
  if (ran.some(({ step, status }) => step === name && status === 0)) passed += 1;
  else {
    failed += 1;
    noteFailure(name, "the step", "did not end with exit code 0");
  }
}
// A test step whose reports look clean but which did not exit 0 hides something.
const hidden = ran.filter(({ step, status }) => !steps.includes(step) && status !== 0);
if (failed === 0) {
  failed += hidden.length;
  for (const { step, status } of hidden) noteFailure(step, "the step", `exit code ${status} with clean reports`);
}
for (const line of failures) say(line);
say(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
