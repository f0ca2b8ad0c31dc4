// One reference task through the real command: plan, run, checks of what came out of it. Nothing
// here trusts what the run says of itself but its exit code, which is checked against the rest.
import { writeFileSync } from "node:fs";
import path from "node:path";

import { git } from "../../apps/cli/src/testing/make-repository.ts";
import type { Cli, Json } from "../../apps/cli/src/testing/run-ossaat.ts";
import { makeBase } from "./base-repository.ts";
import { runHidden } from "./hidden-test.ts";
import { oracleScript } from "./oracle-script.ts";
import { readSolution } from "./task-file.ts";
import type { Task } from "./task-file.ts";

export type TaskResult = {
  id: string;
  kind: Task["kind"];
  language: Task["language"];
  /** `oracle` for the task itself, else the id of the wrong oracle. */
  oracle: string;
  turns: number;
  toolCalls: number;
  seconds: number;
  passed: boolean;
  /** What does not hold; empty when the task is passed. */
  problems: string[];
};

export type EvalDeps = {
  cli: Cli;
  /** Folder for checkouts; one folder a task. */
  folder: string;
  projectsFolder: string;
  repositoriesFolder: string | undefined;
};

/** Longest piece of a program's output that a problem repeats. */
const maxShownChars = 1_500;

type Checkout = { repository: string; commit: string; state: string };

/** What of a user's repository a run must leave alone: HEAD, files, and every ref but its own branch. */
function userState(repository: string): string {
  const refs = git(repository, "for-each-ref", "--format=%(refname) %(objectname)");
  const own = refs.split("\n").filter((line) => !line.startsWith("refs/heads/ossaat/"));
  const head = git(repository, "symbolic-ref", "HEAD");
  return [head, ...own, git(repository, "status", "--porcelain"), git(repository, "stash", "list")].join("\n");
}

async function checkOut(task: Task, deps: EvalDeps, name: string): Promise<Checkout> {
  const repository = path.join(deps.folder, name, "repository");
  const commit = await makeBase(task, { ...deps, folder: repository });
  return { repository, commit, state: userState(repository) };
}

type Run = { code: number; plan: Json; events: Json[]; seconds: number; stderr: string };

async function runPlan(task: Task, deps: EvalDeps, { repository }: Checkout, solution: string): Promise<Run> {
  const script = path.join(path.dirname(repository), "oracle.json");
  writeFileSync(script, JSON.stringify(oracleScript(readSolution(task, solution), { task, repository })));
  const flags = ["--model", `scripted:${script}`, "--yes", "--on-approval", "deny"];
  const limits = ["--max-minutes", String(task.maxMinutes)];
  const started = performance.now();
  const { code, value, stderr } = await deps.cli.json(repository, ["run", task.goal, ...flags, ...limits], {
    hangMs: (task.maxMinutes + 1) * 60_000,
  });
  const seconds = (performance.now() - started) / 1000;
  const plan = value.plan;
  if (plan === undefined) throw new Error(`the run gave no plan (exit ${code}): ${stderr}`);
  const events = (await deps.cli.json(repository, ["logs", plan.id])).value.events as Json[];
  return { code, plan, events, seconds, stderr };
}

function count(events: readonly Json[], type: string): number {
  return events.filter((event) => event.type === type).length;
}

/** Whether the runner itself saw tests pass in the closing step. */
function checkedByRunner({ plan, events }: Run): boolean {
  const tester = plan.steps.find(({ id }: Json) => id === "test");
  const runs = events.filter(
    ({ type, stepId, data }: Json) => type === "tool.finished" && stepId === "test" && data.tool === "run_tests",
  );
  return tester?.status === "succeeded" && runs.at(-1)?.data.state === "completed";
}

function clip(text: string): string {
  const plain = text.trim();
  const half = maxShownChars / 2;
  return plain.length <= maxShownChars ? plain : `${plain.slice(0, half)}\n…\n${plain.slice(-half)}`;
}

/** The last tool result of a run: what the oracle did not expect. */
function lastResult({ events }: Run): string {
  const last = events.findLast(({ type }) => type === "tool.finished")?.data;
  if (last === undefined) return "no tool ran";
  return `last result, of ${last.tool}: ${clip(String(last.output?.value?.text ?? last.summary))}`;
}

/** What went wrong with a run that should have solved its task. */
async function solvedProblems(task: Task, { repository, commit, state }: Checkout, run: Run): Promise<string[]> {
  const { code, plan } = run;
  const problems: string[] = [];
  if (code !== 0) {
    const failed = plan.steps.filter(({ status }: Json) => status === "failed").map(({ id }: Json) => id);
    problems.push(`exit ${code}: plan ${plan.status} (${plan.reason ?? "no reason"}) at ${failed.join()}`);
    problems.push(clip(plan.message ?? run.stderr), lastResult(run));
  }
  if (plan.status !== "succeeded" || plan.branch === undefined) return [...problems, "there is no branch"];
  if (!checkedByRunner(run)) problems.push("the runner's own tests are not in the log");
  if (plan.scripted !== true) problems.push("the run is not marked as scripted");
  const isAhead = git(repository, "rev-list", "--count", `${commit}..${plan.branch}`) !== "0";
  if (!isAhead || git(repository, "merge-base", commit, plan.branch) !== commit) {
    problems.push("the branch does not build on the base");
  }
  if (userState(repository) !== state) problems.push("the user's checkout is not as it was");
  const folder = path.join(path.dirname(repository), "after");
  const after = await runHidden(task, { repository, revision: plan.branch, folder });
  if (after.code !== 0) problems.push(`the hidden test fails on the branch (exit ${after.code})`, clip(after.output));
  return problems;
}

function outcome(task: Task, oracle: string, run: Run | undefined, problems: string[]): TaskResult {
  const { id, kind, language } = task;
  const turns = run === undefined ? 0 : count(run.events, "model.finished");
  const toolCalls = run === undefined ? 0 : count(run.events, "tool.finished");
  const seconds = Math.round((run?.seconds ?? 0) * 10) / 10;
  return { id, kind, language, oracle, turns, toolCalls, seconds, passed: problems.length === 0, problems };
}

async function guarded(task: Task, oracle: string, work: () => Promise<TaskResult>): Promise<TaskResult> {
  try {
    return await work();
  } catch (error) {
    return outcome(task, oracle, undefined, [error instanceof Error ? error.message : String(error)]);
  }
}

/** Solves the task with its oracle. The hidden test must fail before and pass after. */
export function runOracle(task: Task, deps: EvalDeps): Promise<TaskResult> {
  return guarded(task, "oracle", async () => {
    const checkout = await checkOut(task, deps, task.id);
    const folder = path.join(path.dirname(checkout.repository), "before");
    const before = await runHidden(task, { repository: checkout.repository, revision: checkout.commit, folder });
    if (before.code === null || before.code === 0) {
      return outcome(task, "oracle", undefined, [`the hidden test does not fail on the base (exit ${before.code})`]);
    }
    const run = await runPlan(task, deps, checkout, "solution.json");
    return outcome(task, "oracle", run, await solvedProblems(task, checkout, run));
  });
}

/** Runs the wrong oracles of a task: each must end as it says, without a branch, and never with 0. */
export function runNegative(task: Task, deps: EvalDeps, index: number): Promise<TaskResult> {
  const negative = task.negatives[index];
  if (negative === undefined) throw new Error(`${task.id} has no wrong oracle ${index}`);
  return guarded(task, negative.id, async () => {
    const checkout = await checkOut(task, deps, `${task.id}.${negative.id}`);
    const run = await runPlan(task, deps, checkout, negative.solution);
    const problems: string[] = [];
    if (run.code !== negative.exitCode || run.plan.reason !== negative.reason) {
      const wanted = `exit ${negative.exitCode} (${negative.reason})`;
      problems.push(`exit ${run.code} (${run.plan.reason ?? run.plan.status}) instead of ${wanted}`);
      problems.push(clip(run.plan.message ?? run.stderr));
    }
    const branches = git(checkout.repository, "branch", "--list", "ossaat/*");
    if (branches !== "") problems.push(`there is a branch: ${branches.trim()}`);
    if (userState(checkout.repository) !== checkout.state) problems.push("the user's checkout is not as it was");
    return outcome(task, negative.id, run, problems);
  });
}
