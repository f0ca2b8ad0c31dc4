// The test that decides: copied onto a fresh checkout of a commit, never into what a run can see,
// and run there by the language's own runner.
import { cpSync, existsSync, rmSync } from "node:fs";
import path from "node:path";

import { git } from "../../apps/cli/src/testing/make-repository.ts";
import { runProgram } from "./run-program.ts";
import type { ProgramResult } from "./run-program.ts";
import type { Task } from "./task-file.ts";

/** Folders of installed dependencies that a fresh checkout shares with the user's. */
const installed = ["node_modules", ".venv"];

function addHidden(task: Task, folder: string): void {
  const { commit, paths } = task.hidden;
  if (commit !== undefined) {
    git(folder, "checkout", "--quiet", commit, "--", ...paths);
    return;
  }
  const source = path.join(task.folder, "hidden");
  if (!existsSync(source)) throw new Error(`${task.id}: there is no hidden test`);
  cpSync(source, folder, { recursive: true });
}

/** Runs the hidden test on `revision` of the repository. */
export async function runHidden(
  task: Task,
  { repository, revision, folder }: { repository: string; revision: string; folder: string },
): Promise<ProgramResult> {
  rmSync(folder, { recursive: true, force: true });
  git(path.dirname(folder), "clone", "--quiet", "--no-checkout", repository, folder);
  git(folder, "checkout", "--quiet", "--detach", git(repository, "rev-parse", `${revision}^{commit}`));
  for (const name of installed) {
    const source = path.join(repository, name);
    if (existsSync(source)) cpSync(source, path.join(folder, name), { recursive: true, verbatimSymlinks: true });
  }
  addHidden(task, folder);
  return runProgram(task.hidden.argv, { cwd: folder });
}
