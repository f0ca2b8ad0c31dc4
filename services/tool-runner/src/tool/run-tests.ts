// run_tests: finds the project's runner, runs it in the sandbox, reads its result.
import { toolLimits } from "@ossaat/contracts";
import type { TestReport } from "@ossaat/contracts";

import { prepareTestPrograms } from "../dependencies/test-programs.ts";
import { buildReport } from "../test-runner/build-report.ts";
import { detectRunner } from "../test-runner/detect-runner.ts";
import type { TestRunner } from "../test-runner/detect-runner.ts";
import { freshReports, readReports } from "../test-runner/read-reports.ts";
import { takeSnapshot } from "../workspace/working-tree.ts";
import { clipText } from "./clip-text.ts";
import { reportLimits } from "./limits.ts";
import { listTracked } from "./list-tracked.ts";
import { describeEnd, egressOutput, runInSandbox, wallSeconds } from "./run-in-sandbox.ts";
import { revertNote, runSettled } from "./settle-changes.ts";
import type { Tool, ToolResult } from "./tool.ts";

function summarize(report: TestReport): string {
  const numbers = [
    report.passed === undefined ? undefined : `${report.passed} passed`,
    report.failed === undefined ? undefined : `${report.failed} failed`,
    report.skipped === undefined || report.skipped === 0 ? undefined : `${report.skipped} skipped`,
  ].filter((part) => part !== undefined);
  return `${report.runner}: ${report.status.replace("_", " ")}${numbers.length === 0 ? "" : ` (${numbers.join(", ")})`}`;
}

/** Projects that this run says nothing about. */
function othersNote({ others = [] }: TestRunner): string {
  if (others.length === 0) return "";
  return `\nNot tested by this run: the projects in ${others.join(", ")}. run_command runs theirs.`;
}

function unknownProject(): ToolResult {
  const report: TestReport = { runner: "none", status: "no_tests", failures: [] };
  const text = "No test runner was found: the project has no test script, test files or build file that is known.";
  return { summary: "No test runner was found", output: { text, tests: report } };
}

export const runTests: Tool<"run_tests"> = async (context, input) => {
  const { git, sandbox, workspace, signal } = context;
  const before = await takeSnapshot(git, workspace, signal);
  const paths = await listTracked(context, { folder: "." });
  const placeOf = await prepareTestPrograms(sandbox, workspace);
  const runner = await detectRunner({ files: context.files, paths, filter: input.filter, placeOf });
  if (runner === undefined) {
    const unknown = unknownProject();
    return { ...unknown, output: { ...unknown.output, snapshot: before, changedPaths: [] } };
  }
  const timeoutSeconds = wallSeconds(context, input.timeoutSeconds);
  const command = { argv: runner.argv, cwd: runner.cwd ?? ".", timeoutSeconds };
  const reportFolders = runner.reportFolders ?? [];
  const stale = await readReports(context.files, reportFolders);
  const { run, settled } = await runSettled(context, before, (room) =>
    runInSandbox(context, { ...command, room }, reportLimits.maxParsedBytes),
  );
  const reports = freshReports(stale, await readReports(context.files, reportFolders));
  const report = buildReport(runner.name, runner.parse(run.output, reports), run.result);
  const failures = report.failures.map(
    (failure) =>
      `- ${failure.name}${failure.at === undefined ? "" : ` (${failure.at})`}${failure.message === "" ? "" : `\n  ${failure.message.replaceAll("\n", "\n  ")}`}`,
  );
  const head = `${summarize(report)} [${describeEnd(run.result, timeoutSeconds)} after ${run.record.seconds} s]`;
  // A passed run needs no log in the model's context; anything else does.
  const printed = runner.plain?.(run.output) ?? run.text;
  const log = report.status === "passed" ? "" : `\n\n${clipText(printed.trimEnd(), toolLimits.maxOutputBytes)}`;
  const text = [head + othersNote(runner) + revertNote(settled) + run.note, ...failures].join("\n") + log;
  return {
    summary: summarize(report),
    output: {
      text: clipText(text, toolLimits.maxOutputBytes),
      ...settled,
      commands: [run.record],
      ...egressOutput(run),
      tests: report,
      ...(run.result.unsandboxed ? { unsandboxed: true } : {}),
    },
  };
};
