// The repository a task starts from, as a checkout of a user: one commit of an own project, or a
// clone of a public repository at the task's base.
import { cpSync, existsSync, mkdirSync } from "node:fs";
import path from "node:path";

import { git } from "../../apps/cli/src/testing/make-repository.ts";
import { runProgram } from "./run-program.ts";
import type { Task } from "./task-file.ts";

export type BaseOptions = {
  /** Folder for the checkout; made here. */
  folder: string;
  projectsFolder: string;
  /** Folder with public repositories, if any. */
  repositoriesFolder: string | undefined;
};

/** Where a public repository lies: `owner/name`, `owner+name` or either with `repo` below. */
export function findRepository(folder: string, name: string): string | undefined {
  const places = [name, name.replace("/", "+"), name.split("/")[1] ?? name];
  return places
    .flatMap((place) => [path.join(folder, place), path.join(folder, place, "repo")])
    .find((place) => existsSync(path.join(place, ".git")) || existsSync(path.join(place, "HEAD")));
}

function copyProject(task: Task, { project, patch }: { project: string; patch?: string | undefined }, to: BaseOptions) {
  const source = path.join(to.projectsFolder, project);
  if (!existsSync(source)) throw new Error(`${task.id}: there is no project ${project}`);
  cpSync(source, to.folder, { recursive: true });
  git(to.folder, "init", "--quiet", "--initial-branch=main");
  if (patch !== undefined) git(to.folder, "apply", path.join(task.folder, patch));
  git(to.folder, "add", "--all");
  git(to.folder, "commit", "--quiet", "--message=First");
}

/** Makes the checkout and installs what the task names. @throws Error */
export async function makeBase(task: Task, options: BaseOptions): Promise<string> {
  const { base } = task;
  mkdirSync(options.folder, { recursive: true });
  if ("project" in base) {
    copyProject(task, base, options);
  } else {
    const source = findRepository(options.repositoriesFolder ?? "", base.repository);
    if (source === undefined) throw new Error(`${task.id}: there is no repository ${base.repository}`);
    git(options.folder, "clone", "--quiet", "--no-checkout", source, ".");
    git(options.folder, "checkout", "--quiet", "-B", "main", base.commit);
  }
  for (const argv of task.install) {
    const { code, output } = await runProgram(argv, { cwd: options.folder });
    if (code !== 0) throw new Error(`${task.id}: \`${argv.join(" ")}\` exited ${code}\n${output}`);
  }
  return git(options.folder, "rev-parse", "HEAD");
}
