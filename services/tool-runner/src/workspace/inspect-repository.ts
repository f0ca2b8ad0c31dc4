// What a plan needs to know of a user's repository, without changing it or running its code.
import { access, copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

import type { RepositoryInfo } from "@ossaat/contracts";

import { splitNul } from "../git/git.ts";
import type { Git } from "../git/git.ts";
import type { Layout } from "./layout.ts";
import type { RepositoryStore } from "./repository-store.ts";
import { currentBranch, findUserRepository, resolveCommit } from "./user-repository.ts";
import type { UserRepository } from "./user-repository.ts";

type Deps = { git: Git; layout: Layout; store: RepositoryStore };

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Uncommitted and untracked paths, counted with OUR git dir over a copy of their index: their
 * configuration (filters, fsmonitor) never applies and their index is never refreshed.
 */
async function countDirty(deps: Deps, repository: UserRepository, gitDir: string, head: string): Promise<number> {
  const { git, layout } = deps;
  await mkdir(layout.temp, { recursive: true, mode: 0o700 });
  const indexFile = join(layout.temp, `index-${randomUUID()}`);
  const place = { gitDir, workTree: repository.root, indexFile };
  try {
    const theirs = await git.text(["rev-parse", "--path-format=absolute", "--git-path", "index"], {
      cwd: repository.root,
    });
    if (await exists(theirs)) await copyFile(theirs, indexFile);
    const refresh = ["update-index", "-q", "--refresh"];
    const copied = await git.run(refresh, { ...place, okCodes: [1, 128] });
    if (copied.code === 128) {
      // A split or sparse index cannot be read from a copy; comparing the contents is slower but right.
      await rm(indexFile, { force: true });
      await git.run(["read-tree", head], place);
      await git.run(refresh, { ...place, okCodes: [1] });
    }
    const changed = await git.run(["diff-index", "-z", "--name-only", "--ignore-submodules=all", head], place);
    const exclude = join(repository.commonDir, "info/exclude");
    const extra = (await exists(exclude)) ? [`--exclude-from=${exclude}`] : [];
    const untracked = await git.run(["ls-files", "-z", "-o", "--exclude-standard", ...extra], place);
    return new Set([...splitNul(changed.stdout), ...splitNul(untracked.stdout)]).size;
  } finally {
    await rm(indexFile, { force: true });
    await rm(`${indexFile}.lock`, { force: true });
  }
}

/** See {@link WorkspaceService.inspect}. */
export async function inspectRepository(
  deps: Deps,
  request: { path: string; baseRef?: string },
): Promise<RepositoryInfo> {
  const repository = await findUserRepository(deps.git, request.path);
  const headCommit = await resolveCommit(deps.git, repository, "HEAD");
  const baseCommit =
    request.baseRef === undefined ? headCommit : await resolveCommit(deps.git, repository, request.baseRef);
  const branch = await currentBranch(deps.git, repository);
  const gitDir = await deps.store.ensure(repository, [headCommit, baseCommit]);
  return {
    root: repository.root,
    ...(branch === undefined ? {} : { branch }),
    headCommit,
    baseCommit,
    dirtyPaths: await countDirty(deps, repository, gitDir, headCommit),
  };
}
