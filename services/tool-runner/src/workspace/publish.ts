// Gives a plan's commits to the user's repository: objects and one new branch, nothing else.
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";

import type { Git } from "../git/git.ts";
import { updateRef } from "../git/update-ref.ts";
import type { RepositoryStore } from "./repository-store.ts";
import { findUserRepository } from "./user-repository.ts";
import type { UserRepository } from "./user-repository.ts";

type Deps = { git: Git; store: RepositoryStore };

async function checkBranchName(git: Git, branch: string): Promise<void> {
  const invalid = branch.startsWith("-") || branch.startsWith("refs/") || branch === "HEAD";
  const args = ["check-ref-format", `refs/heads/${branch}`];
  const checked = invalid || branch.includes("\0") ? { code: 1 } : await git.run(args, { okCodes: [1] });
  if (checked.code !== 0) {
    throw new AgentError("invalid_input", `${JSON.stringify(branch)} cannot be the name of a branch.`);
  }
}

async function existingCommit(git: Git, repository: UserRepository, branch: string): Promise<string | undefined> {
  const args = ["rev-parse", "--verify", "--quiet", `refs/heads/${branch}`];
  const { code, stdout } = await git.run(args, { cwd: repository.root, okCodes: [1] });
  return code === 0 ? stdout.toString("utf8").trim() : undefined;
}

/** Commits their branches and tags reach that we have too: what need not be sent. */
async function commonCommits(git: Git, repository: UserRepository, gitDir: string): Promise<string[]> {
  const refs = await git.text(["for-each-ref", "--format=%(objectname)"], { cwd: repository.root });
  const head = await git.run(["rev-parse", "--verify", "--quiet", "HEAD"], { cwd: repository.root, okCodes: [1] });
  const names = new Set([...refs.split("\n"), head.stdout.toString("utf8").trim()].filter((name) => name !== ""));
  const input = `${[...names].join("\n")}\n`;
  const checked = await git.text(["cat-file", "--batch-check=%(objecttype) %(objectname)"], { gitDir, input });
  return checked
    .split("\n")
    .filter((line) => line.startsWith("commit ") || line.startsWith("tag "))
    .map((line) => line.split(" ")[1] ?? "");
}

async function sendObjects(git: Git, repository: UserRepository, gitDir: string, commit: string): Promise<void> {
  const common = await commonCommits(git, repository, gitDir);
  const input = [commit, ...common.map((name) => `^${name}`), ""].join("\n");
  // Written under OUR configuration into their object folder, so that theirs has no say.
  const objectDir = join(repository.commonDir, "objects");
  await git.stream(["pack-objects", "--stdout", "--revs", "-q"], { gitDir, input }, (pack) =>
    git.run(["unpack-objects", "-q"], { gitDir, objectDir, input: pack }),
  );
}

/** See {@link WorkspaceService.publish}. */
export async function publishBranch(
  { git, store }: Deps,
  request: { repositoryPath: string; branch: string; commit: string },
): Promise<{ branch: string; commit: string }> {
  const { branch, commit } = request;
  await checkBranchName(git, branch);
  const repository = await findUserRepository(git, request.repositoryPath);
  const gitDir = await store.refresh(repository);
  const known = /^[0-9a-f]{40,64}$/u.test(commit)
    ? await git.run(["cat-file", "-e", `${commit}^{commit}`], { gitDir, okCodes: [1, 128] })
    : { code: 1 };
  if (known.code !== 0) throw new AgentError("not_found", "The commit to publish is not known to this runner.");
  const present = await existingCommit(git, repository, branch);
  if (present === commit) return { branch, commit };
  if (present !== undefined) {
    throw new AgentError("conflict", `The branch ${branch} exists at another commit.`, {
      details: { branch, commit: present, next: `git branch -m ${branch} ${branch}-old` },
    });
  }
  await sendObjects(git, repository, gitDir, commit);
  const none = "0".repeat(commit.length);
  const args = ["--no-deref", `refs/heads/${branch}`, commit, none];
  const made = await updateRef(git, args, { cwd: repository.root }, [1, 128]);
  if (made.code !== 0) {
    if ((await existingCommit(git, repository, branch)) === commit) return { branch, commit };
    throw new AgentError("conflict", `The branch ${branch} cannot be made beside the branches that exist.`, {
      cause: new Error(made.stderr),
      details: { branch },
    });
  }
  return { branch, commit };
}
