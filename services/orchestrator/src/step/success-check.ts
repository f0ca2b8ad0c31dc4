// How "done" is proved: by the runner, in the sandbox, on the tree that will be committed.
import { hashJson, toolInputs, toolSpecs } from "@ossaat/contracts";
import type { CommandRecord, DiffFile, Envelope, Step, TestReport, ToolName, WorkspaceId } from "@ossaat/contracts";
import { checkWritePath } from "@ossaat/policy";

import { load } from "../artifact/artifacts.ts";
import type { Claim } from "../job/engine.ts";
import { failedNames, testsFailingBefore } from "./baseline-tests.ts";
import { diffPaths, findStrayPaths, readApprovedWrites, strayText } from "./check-paths.ts";
import { allowPlatformCall, deniedText, findDeniedPaths } from "./decide-for-platform.ts";
import { executeCall } from "./execute-call.ts";
import { finishTool } from "./finish-tool.ts";
import type { CallRecord, StepHistory } from "./history.ts";
import { countRejections } from "./next-action.ts";
import type { StepDeps } from "./step-deps.ts";

export type CheckInput = {
  claim: Claim;
  step: Step;
  workspaceId: WorkspaceId;
  history: StepHistory;
  report: unknown;
  signal: AbortSignal;
};

/** `allowedPaths` is what the commit of a writing step may change: approved globs, and the paths just checked. */
export type CheckResult =
  | { ok: true; tests?: TestReport; allowedPaths?: string[] }
  | { ok: false; why: string; tests?: TestReport };

type CheckOutput = { tests?: TestReport; commands?: CommandRecord[]; text: string };

/** Id of the check of this claim to be done: one after each refusal, so that a resume repeats none. */
function checkCallId(history: StepHistory): string {
  return `check.${countRejections(history, finishTool.name) + 1}`;
}

/** The step's own bounds and the check itself, which was approved with the plan. */
function checkEnvelope({ envelope, successCheck }: Step, tool: ToolName): Envelope {
  const commands = successCheck.kind === "command" ? [successCheck.argv.join(" ")] : [];
  return {
    ...envelope,
    tools: [...new Set([...envelope.tools, tool])],
    commands: [...new Set([...envelope.commands, ...commands])],
  };
}

async function runCheck(
  deps: StepDeps,
  input: CheckInput,
  { tool, args }: { tool: ToolName; args: unknown },
): Promise<CheckOutput> {
  const { claim, step, workspaceId, history, signal } = input;
  const callId = checkCallId(history);
  const known = history.calls.get(callId)?.finished;
  if (known?.state === "completed") return (await load(deps.engine.artifacts, known.output)) as CheckOutput;
  const envelope = checkEnvelope(step, tool);
  const decided = await allowPlatformCall(deps, claim, { callId, tool, input: args, envelope });
  return executeCall(
    deps,
    {
      claim,
      callId,
      tool,
      inputJson: JSON.stringify(args),
      title: tool === "run_tests" ? "check: run the tests" : "check: run the success command",
      envelope,
      decided,
      workspaceId,
      policyHash: "success-check",
      approvedOutside: false,
    },
    signal,
  );
}

/** Arguments of a run of all tests; any other form, a filter above all, proves less. */
const allTests = hashJson({ tool: "run_tests", inputJson: JSON.stringify(toolInputs.run_tests.parse({})) });

/** Whether a call was really run and may have changed something, ignored files included. */
function hasEffect({ tool, argsHash }: CallRecord): boolean {
  return argsHash !== undefined && Object.hasOwn(toolSpecs, tool) && toolSpecs[tool as ToolName].effect !== "pure";
}

/** The agent's own run of all tests, when nothing was done after it and the tree is still the one it ran on. */
async function freshTests(
  deps: StepDeps,
  { claim, history, workspaceId, signal }: CheckInput,
): Promise<CheckOutput | undefined> {
  const last = history.finishedCalls.findLast(hasEffect);
  if (last?.argsHash !== allTests || last.finished?.state !== "completed") return undefined;
  const { tree } = await deps.workspaces.snapshot({ workspaceId, fence: claim.fence }, { signal });
  if (last.finished.snapshot !== tree) return undefined;
  return (await load(deps.engine.artifacts, last.finished.output)) as CheckOutput;
}

async function checkTests(deps: StepDeps, input: CheckInput): Promise<CheckResult> {
  const { tests, text } =
    (await freshTests(deps, input)) ?? (await runCheck(deps, input, { tool: "run_tests", args: {} }));
  if (tests?.status === "passed") return { ok: true, tests };
  const why = `The project's tests do not pass:\n${text}`;
  if (tests === undefined) return { ok: false, why };
  return compareWithBase(deps, input, { tests, why });
}

/** Tests that failed before the plan began as well are not what it has to answer for; new ones are. */
async function compareWithBase(
  deps: StepDeps,
  input: CheckInput,
  { tests, why }: { tests: TestReport; why: string },
): Promise<CheckResult> {
  const failed = failedNames(tests);
  if (failed === undefined) return { ok: false, why, tests };
  const { claim, step, history, signal } = input;
  const before = await testsFailingBefore(deps, { claim, envelope: step.envelope, history, signal });
  const failedBefore = failed.filter((name) => before?.has(name) === true);
  const report = failedBefore.length === 0 ? tests : { ...tests, failedBefore };
  const isNew = failed.filter((name) => !failedBefore.includes(name));
  if (isNew.length === 0) {
    if ((tests.passed ?? 0) > 0) return { ok: true, tests: report };
    // What failed before may hide every test there is, as when a module that the tests need is missing.
    const nothing = "No test passes here, on the plan's base neither, so nothing shows that the change works.";
    return { ok: false, why: `${nothing} ${why}`, tests: report };
  }
  const told = failedBefore.length === 0 ? "" : ` These failed before as well: ${failedBefore.join(", ")}.`;
  return { ok: false, why: `These tests fail since the change: ${isNew.join(", ")}.${told}\n${why}`, tests: report };
}

async function checkCommand(deps: StepDeps, input: CheckInput, argv: string[]): Promise<CheckResult> {
  const { commands, text } = await runCheck(deps, input, { tool: "run_command", args: { argv, cwd: "." } });
  if (commands?.at(-1)?.exitCode === 0) return { ok: true };
  return { ok: false, why: `The success command \`${argv.join(" ")}\` did not exit 0:\n${text}` };
}

function checkChanges(files: readonly DiffFile[]): CheckResult {
  if (files.length > 0) return { ok: true };
  return {
    ok: false,
    why: "No file has changed. Make the change this step asks for, or say with `finish` what stops you.",
  };
}

function hasReport(report: unknown): boolean {
  return typeof report === "object" && report !== null && "findings" in report;
}

async function checkKind(deps: StepDeps, input: CheckInput): Promise<CheckResult> {
  const { claim, step, workspaceId, signal } = input;
  const check = step.successCheck;
  switch (check.kind) {
    case "changes": {
      const { files } = await deps.workspaces.diff({ workspaceId, fence: claim.fence }, { signal });
      return checkChanges(files);
    }
    case "tests":
      return checkTests(deps, input);
    case "command":
      return checkCommand(deps, input, check.argv);
    case "report":
      return hasReport(input.report)
        ? { ok: true }
        : { ok: false, why: "Call `finish` with a summary and a list of findings (an empty list when there is none)." };
    case "merged":
      return { ok: true };
  }
}

/** Compares the tree that will be committed with what people approved for the step. */
async function checkPaths(
  deps: StepDeps,
  { claim, step, workspaceId, signal }: CheckInput,
): Promise<{ ok: true; allowedPaths: string[] } | { ok: false; why: string }> {
  const { files } = await deps.workspaces.diff({ workspaceId, fence: claim.fence }, { signal });
  const approved = await readApprovedWrites(deps.engine.store.read, claim.planId, [claim.stepId]);
  const { envelope } = step;
  const stray = findStrayPaths(files, { envelope, approved });
  if (stray.length > 0) return { ok: false, why: strayText(stray) };
  const denied = await findDeniedPaths(deps, claim, { paths: diffPaths(files), envelope });
  if (denied.length > 0) return { ok: false, why: deniedText(denied) };
  // Paths that a granted call covers are named one by one: the runner knows no grants.
  const granted = diffPaths(files).filter((path) => !checkWritePath(envelope, path).inside);
  return { ok: true, allowedPaths: [...envelope.paths, ...granted] };
}

/**
 * Proves the step's success check and, for a writing step, that its diff stays inside the approved
 * paths; the reason is text for the model.
 * @throws AgentError, LeaseLost
 */
export async function checkSuccess(deps: StepDeps, input: CheckInput): Promise<CheckResult> {
  const result = await checkKind(deps, input);
  if (!result.ok || input.step.action !== "apply_changes") return result;
  // NOTE: after the check itself, which may have changed files as well.
  const paths = await checkPaths(deps, input);
  return { ...result, ...paths };
}
