// Reference tasks without a model: an oracle drives the real command, a hidden test decides.
// `--repos DIR` adds the tasks on public repositories, `--only TEXT` picks tasks by id.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";

import { createCli } from "../../apps/cli/src/testing/run-ossaat.ts";
import { findRepository } from "./base-repository.ts";
import { missingTools } from "./missing-tools.ts";
import { renderTable } from "./render-table.ts";
import { runNegative, runOracle } from "./run-task.ts";
import type { EvalDeps, TaskResult } from "./run-task.ts";
import { readTasks } from "./task-file.ts";
import type { Task } from "./task-file.ts";

/** Tasks at once: most of a task is waiting for compilers, which use every core by themselves. */
const atOnce = 2;
const reportFile = ".tools/reports/eval-tasks.json";

/** Why a task cannot run here; undefined when it can. */
async function findObstacle(task: Task, repos: string | undefined): Promise<string | undefined> {
  const { base } = task;
  if ("repository" in base) {
    if (repos === undefined) return `needs ${base.repository} (make eval-tasks REPOS=folder)`;
    if (findRepository(repos, base.repository) === undefined) return `no ${base.repository} in ${repos}`;
  }
  const missing = await missingTools(task.language);
  return missing.length === 0 ? undefined : `this machine has no ${missing.join(", ")}`;
}

/** A task left out is a failure, but for those on public repositories that nobody offered. */
function isExcused({ base }: Task, repos: string | undefined): boolean {
  return "repository" in base && repos === undefined;
}

type Choice = { tasks: Task[]; left: { id: string; reason: string; excused: boolean }[] };

async function choose(all: readonly Task[], repos: string | undefined, only: string): Promise<Choice> {
  const choice: Choice = { tasks: [], left: [] };
  for (const task of all.filter(({ id }) => id.includes(only))) {
    const reason = await findObstacle(task, repos);
    if (reason === undefined) choice.tasks.push(task);
    else choice.left.push({ id: task.id, reason, excused: isExcused(task, repos) });
  }
  return choice;
}

type Job = () => Promise<TaskResult>;

async function runAll(jobs: readonly Job[]): Promise<TaskResult[]> {
  const results: TaskResult[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let job = jobs[next]; job !== undefined; job = jobs[next]) {
      next += 1;
      const result = await job();
      results.push(result);
      console.log(`${result.passed ? "ok  " : "FAIL"} ${result.id} (${result.oracle}) ${result.seconds} s`);
      for (const problem of result.problems) console.log(`     ${problem.replaceAll("\n", "\n     ")}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return results;
}

const { values: flags } = parseArgs({
  options: { repos: { type: "string" }, only: { type: "string", default: "" }, keep: { type: "boolean" } },
});
const root = path.resolve("evals");
const repos = flags.repos === undefined || flags.repos === "" ? undefined : path.resolve(flags.repos);
const { tasks, left } = await choose(readTasks(path.join(root, "tasks")), repos, flags.only);
const folder = mkdtempSync(path.join(tmpdir(), "ossaat-eval-"));
// The user's own home: that is where toolchains and their caches lie.
const cli = await createCli({ HOME: homedir(), OSSAAT_SLOTS: "4" });
const deps: EvalDeps = { cli, folder, projectsFolder: path.join(root, "projects"), repositoriesFolder: repos };
const started = performance.now();
try {
  const results = await runAll(
    tasks.flatMap((task): Job[] => [
      () => runOracle(task, deps),
      ...task.negatives.map(
        (_negative, index): Job =>
          () =>
            runNegative(task, deps, index),
      ),
    ]),
  );
  const order = (result: TaskResult) => tasks.findIndex(({ id }) => id === result.id);
  results.sort((a, b) => order(a) - order(b));
  const solved = results.filter(({ oracle }) => oracle === "oracle");
  const refused = results.filter(({ oracle }) => oracle !== "oracle");
  const passed = (list: readonly TaskResult[]) => list.filter((result) => result.passed).length;
  const seconds = Math.round((performance.now() - started) / 1000);
  console.log(`\n${renderTable(results)}`);
  for (const { id, reason } of left) console.log(`left out: ${id}: ${reason}`);
  mkdirSync(path.dirname(reportFile), { recursive: true });
  writeFileSync(reportFile, `${JSON.stringify({ schemaVersion: 1, seconds, results, left }, null, 2)}\n`);
  console.log(`wrong oracles: ${passed(refused)} of ${refused.length} refused`);
  console.log(`tasks: ${passed(solved)} of ${solved.length} passed`);
  const isComplete = solved.length > 0 && left.every(({ excused }) => excused);
  process.exitCode = isComplete && results.every((result) => result.passed) ? 0 : 1;
} finally {
  await cli.close();
  if (flags.keep === true) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
