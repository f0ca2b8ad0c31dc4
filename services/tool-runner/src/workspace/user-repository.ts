// Looks at a user's repository: where it is and what its names point to. What runs with its
// configuration is plumbing that starts no program: `rev-parse` and `symbolic-ref` here,
// `for-each-ref` and `update-ref` (with our hooks path, which is none) where a branch is published.
import { lstat, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import { AgentError } from "@ossaat/contracts";

import type { Git } from "../git/git.ts";

export type UserRepository = {
  /** Top level of the checkout. */
  root: string;
  /** Git dir shared by all its checkouts, real path. */
  commonDir: string;
  objectFormat: string;
};

function notUsable(message: string, next?: string): AgentError {
  return new AgentError("invalid_input", message, next === undefined ? {} : { details: { next } });
}

function explain(stderr: string): AgentError {
  if (/bare repository/u.test(stderr)) {
    const next = "`git worktree add FOLDER`, then run the command in FOLDER";
    return notUsable("This is a bare repository; give the path of a checkout.", next);
  }
  if (/not a git repository/u.test(stderr)) return notUsable("This folder is not in a git repository.", "git init");
  return new AgentError("invalid_input", "The repository cannot be read.", { cause: new Error(stderr) });
}

async function ask(git: Git, path: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await git.run(["rev-parse", ...args], { cwd: path, okCodes: [128, 1] });
  const text = stdout.toString("utf8").replace(/\n$/u, "");
  if (code === 0) return text;
  // Outside a working tree the answers before the top level are there all the same.
  if (text.startsWith("false\nfalse\n")) {
    throw notUsable("This folder is inside a git dir; give the path of the checkout.", "cd into the checkout");
  }
  throw explain(text.startsWith("true\n") ? "bare repository" : stderr);
}

/** Finds the repository a folder belongs to. @throws AgentError invalid_input */
export async function findUserRepository(git: Git, givenPath: string): Promise<UserRepository> {
  if (givenPath.includes("\0")) throw notUsable("The path holds a NUL byte.");
  const path = resolve(givenPath);
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory() !== true) throw notUsable("The path is not an existing folder.");
  // The top level comes last: its name may hold line breaks.
  const questions = ["--is-bare-repository", "--is-inside-work-tree", "--show-object-format", "--show-toplevel"];
  const [, , objectFormat = "", ...rest] = (await ask(git, path, questions)).split("\n");
  const root = rest.join("\n");
  // core.worktree can point anywhere, at / too; only a checkout that holds its own .git is taken.
  const hasGit = await lstat(join(root, ".git")).then(
    () => true,
    () => false,
  );
  if (!hasGit) throw notUsable("The repository's working tree is not its own folder (core.worktree).");
  const commonDir = await ask(git, path, ["--path-format=absolute", "--git-common-dir"]);
  return { root, commonDir: await realpath(commonDir), objectFormat };
}

/** Commit id a name of the user's repository stands for. @throws AgentError invalid_input */
export async function resolveCommit(git: Git, repository: UserRepository, name: string): Promise<string> {
  const args = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`];
  const { code, stdout } = await git.run(args, { cwd: repository.root, okCodes: [1, 128] });
  const commit = stdout.toString("utf8").trim().split("\n").at(-1) ?? "";
  if (code === 0 && /^[0-9a-f]{40,64}$/u.test(commit)) return commit;
  if (name === "HEAD") throw notUsable("The repository has no commits yet.", "git commit");
  throw notUsable(`The repository has no branch, tag or commit named ${JSON.stringify(name)}.`, "git branch --all");
}

/** Branch checked out, or undefined for a detached head. */
export async function currentBranch(git: Git, repository: UserRepository): Promise<string | undefined> {
  const args = ["symbolic-ref", "--quiet", "--short", "HEAD"];
  const { code, stdout } = await git.run(args, { cwd: repository.root, okCodes: [1] });
  return code === 0 ? stdout.toString("utf8").trim() : undefined;
}
