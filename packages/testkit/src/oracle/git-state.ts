// What git really holds of a plan's result, and whether the user's own checkout was left alone.
import { execFileSync } from "node:child_process";

import type { PlanEvent, PlanState, SealedPlan } from "@ossaat/contracts";

import { repeated } from "./check-rows.ts";

export type BranchFacts = {
  commit: string;
  /** Value of the `Ossaat-Step` trailer of each commit since the base, oldest first. */
  commitSteps: string[];
  /** Content of every file. */
  files: Record<string, string>;
};

export type CheckoutFacts = { head: string; branch: string; changes: string[]; worktrees: number; fsck: string[] };

const environment = { PATH: "/usr/local/bin:/usr/bin:/bin", GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" };

function git(repository: string, ...args: string[]): string {
  return execFileSync("git", ["-C", repository, ...args], { env: environment, encoding: "utf8" }).trimEnd();
}

const lines = (text: string): string[] => (text === "" ? [] : text.split("\n"));

/** The branch a plan ended with; undefined when there is none. */
export function readBranch(repository: string, branch: string, base: string): BranchFacts | undefined {
  const commit = lines(git(repository, "for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`))[0];
  if (commit === undefined) return undefined;
  const trailer = "%(trailers:key=Ossaat-Step,valueonly,separator=%x2C)";
  const names = lines(git(repository, "ls-tree", "-r", "--name-only", commit));
  return {
    commit,
    commitSteps: lines(git(repository, "log", "--reverse", `--format=${trailer}`, `${base}..${commit}`)),
    files: Object.fromEntries(names.map((name) => [name, git(repository, "show", `${commit}:${name}`)])),
  };
}

export function readCheckout(repository: string): CheckoutFacts {
  return {
    head: git(repository, "rev-parse", "HEAD"),
    branch: git(repository, "symbolic-ref", "--short", "HEAD"),
    changes: lines(git(repository, "status", "--porcelain")),
    worktrees: lines(git(repository, "worktree", "list", "--porcelain")).filter((line) => line.startsWith("worktree "))
      .length,
    // NOTE: dangling objects are what a publication that was killed leaves; git collects them.
    fsck: lines(git(repository, "fsck", "--no-dangling", "--no-progress")),
  };
}

export type ExpectedBranch = { plan: PlanState; events: readonly PlanEvent[]; files: Record<string, string> };

function contentProblems(branch: BranchFacts, expected: Record<string, string>): string[] {
  const names = [...new Set([...Object.keys(branch.files), ...Object.keys(expected)])].sort();
  return names
    .filter((name) => branch.files[name] !== expected[name])
    .map((name) => `${name} on the branch is ${JSON.stringify(branch.files[name] ?? null)}`);
}

/** I2 and I4: one commit for each writing step that succeeded, the expected files, the commit that the log names. */
export function findBranchProblems(branch: BranchFacts | undefined, { plan, events, files }: ExpectedBranch): string[] {
  const finished = events.findLast((event) => event.type === "plan.finished");
  const told = finished?.type === "plan.finished" ? finished.data.commit : undefined;
  if (branch === undefined) return told === undefined ? [] : [`the log names ${told}, but there is no branch`];
  // NOTE: a plan that was cancelled while it was being published may have its branch already.
  if (told === undefined) return plan.status === "cancelled" ? [] : ["there is a branch that the log does not name"];
  const definition = plan.plan as SealedPlan | undefined;
  const writing = (definition?.steps ?? []).filter((step) => step.action === "apply_changes").map(({ id }) => id);
  const missing = writing.filter((id) => !branch.commitSteps.includes(id));
  const stray = branch.commitSteps.filter((id) => !writing.some((known) => known === id));
  return [
    ...(branch.commit === told ? [] : [`the branch is at ${branch.commit}, the log names ${told}`]),
    ...missing.map((id) => `no commit of ${id} is on the branch`),
    ...stray.map((id) => `a commit of "${id}" is on the branch`),
    ...repeated(branch.commitSteps).map((id) => `${id} has more than one commit on the branch`),
    ...contentProblems(branch, files),
  ];
}

/** I4: the user's own checkout is as it was. */
export function findCheckoutProblems(now: CheckoutFacts, before: CheckoutFacts): string[] {
  return [
    ...(now.head === before.head && now.branch === before.branch ? [] : [`HEAD moved to ${now.branch} ${now.head}`]),
    ...now.changes.filter((line) => !before.changes.includes(line)).map((line) => `the checkout changed: ${line}`),
    ...(now.worktrees === before.worktrees ? [] : [`the checkout has ${now.worktrees} working trees`]),
    ...now.fsck.map((line) => `git fsck: ${line}`),
  ];
}
