// Whether the repository of a plan is still where it was, and can take a change now.
import { existsSync } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";
import type { PlanState } from "@ossaat/contracts";

import { git } from "./git.ts";

/** Work of git that was begun and waits for its end, by the file that says so. */
const openWork = [
  { file: "MERGE_HEAD", what: "A merge", next: "git merge --abort" },
  { file: "rebase-merge", what: "A rebase", next: "git rebase --abort" },
  { file: "rebase-apply", what: "A rebase", next: "git rebase --abort" },
  { file: "CHERRY_PICK_HEAD", what: "A cherry-pick", next: "git cherry-pick --abort" },
  { file: "REVERT_HEAD", what: "A revert", next: "git revert --abort" },
] as const;

/** @throws AgentError not_found when the repository was moved or deleted */
export function requireCheckout({ id, repository }: Pick<PlanState, "id" | "repository">): void {
  const { path: root } = repository;
  if (existsSync(root)) return;
  throw new AgentError("not_found", `The repository of ${id} is not at ${root} any more: it was moved or deleted.`, {
    details: { next: `move it back to ${root}, or plan again where it is now: \`ossaat plan "<goal>"\`` },
  });
}

/** @throws AgentError conflict when a merge or the like is under way, which `git stash` cannot put aside */
export async function requireNoOpenWork(root: string, again: string): Promise<void> {
  for (const { file, what, next } of openWork) {
    const place = (await git(root, ["rev-parse", "--git-path", file])).trim();
    if (!existsSync(path.resolve(root, place))) continue;
    throw new AgentError("conflict", `${what} is under way in ${root}; nothing was changed.`, {
      details: { next: `finish it, or \`git -C ${root} ${next.slice("git ".length)}\`; then \`${again}\`` },
    });
  }
}

/** @throws AgentError not_found when the result was deleted with its branch */
export async function requireCommit(
  root: string,
  { id, branch, commit }: Required<Pick<PlanState, "id" | "branch" | "commit">>,
): Promise<void> {
  try {
    await git(root, ["cat-file", "-e", `${commit}^{commit}`]);
  } catch (error) {
    throw new AgentError(
      "not_found",
      `The result of ${id} is gone: ${branch} was deleted, and git removed its commits.`,
      {
        details: { next: `ossaat retry ${id}` },
        cause: error,
      },
    );
  }
}

/** What names a result for git: its branch while there is one, else its commit. */
export async function resultName(
  root: string,
  { branch, commit }: { branch: string; commit: string },
): Promise<string> {
  const tip = await git(root, ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`]).catch(() => "");
  return tip.trim() === commit ? branch : commit;
}
