// The workspace service: one lock per working tree, every request checked before it acts.
import { rm } from "node:fs/promises";

import { AgentError } from "@ossaat/contracts";
import type { WorkspaceService } from "@ossaat/contracts";

import type { Git } from "../git/git.ts";
import type { LogStore } from "../log/log-store.ts";
import { commitMessage, commitTree, gitDate } from "./commit-tree.ts";
import { diffTrees } from "./diff-trees.ts";
import { inspectRepository } from "./inspect-repository.ts";
import { checkId } from "./layout.ts";
import type { Layout } from "./layout.ts";
import type { KeyedLock } from "./lock.ts";
import { continueMergeHeads, mergeHeads } from "./merge.ts";
import { publishBranch } from "./publish.ts";
import { createRepositoryStore } from "./repository-store.ts";
import { findUserRepository, resolveCommit } from "./user-repository.ts";
import type { UserRepository } from "./user-repository.ts";
import { writePlanRecord } from "./write-record.ts";
import { checkOut, keepRef, placeOf, refPart, restoreTree, takeSnapshot } from "./working-tree.ts";
import { findWorkspace, loadWorkspace, saveWorkspace, workspacesOfPlan } from "./workspace-record.ts";
import type { OpenWorkspace } from "./workspace-record.ts";

export type WorkspaceDeps = { git: Git; layout: Layout; lock: KeyedLock; logs: LogStore };

/** Key of a working tree's lock; tools hold it too. */
export function workspaceLockKey(workspaceId: string): string {
  return `workspace:${workspaceId}`;
}

const objectName = /^[0-9a-f]{40,64}$/u;

async function requireObject(git: Git, gitDir: string, name: string, type: "tree" | "commit"): Promise<string> {
  const args = ["rev-parse", "--verify", "--quiet", `${name}^{${type}}`];
  const found = objectName.test(name) ? await git.run(args, { gitDir, okCodes: [1, 128] }) : undefined;
  if (found?.code === 0) return found.stdout.toString("utf8").trim();
  throw new AgentError("not_found", `There is no ${type} ${name} in this plan's repository.`);
}

/** Makes the service over real git. */
export function createWorkspaces(deps: WorkspaceDeps): WorkspaceService {
  const { git, layout, lock, logs } = deps;
  const store = createRepositoryStore(git, layout, lock);

  function withWorkspace<T>(id: string, signal: AbortSignal | undefined, work: (w: OpenWorkspace) => Promise<T>) {
    const run = async () => work(await loadWorkspace(layout, id));
    return lock.hold(workspaceLockKey(checkId("workspace id", id)), run, signal);
  }

  const open: WorkspaceService["open"] = (request, options) => {
    const { workspaceId, planId } = request;
    checkId("plan id", planId);
    const work = async (): Promise<{ tree: string }> => {
      const existing = await findWorkspace(layout, workspaceId);
      if (existing !== undefined && existing.planId !== planId) {
        throw new AgentError("conflict", `The workspace ${workspaceId} belongs to another plan.`);
      }
      if (existing !== undefined) return { tree: await takeSnapshot(git, existing, options?.signal) };
      const repository = await findUserRepository(git, request.repositoryPath);
      const gitDir = await openGitDir(repository, request.commit, options?.signal);
      const base = await requireObject(git, gitDir, request.commit, "commit");
      const record = { schemaVersion: 1 as const, workspaceId, planId, gitDir, base, tip: base };
      const places = { dir: layout.workspaceDir(planId, workspaceId), metaDir: layout.metaDir(workspaceId) };
      await checkOut(git, { ...record, ...places, indexFile: `${places.metaDir}/index` }, base);
      await saveWorkspace(layout, record);
      return { tree: await requireObject(git, gitDir, base, "tree") };
    };
    return lock.hold(workspaceLockKey(checkId("workspace id", workspaceId)), work, options?.signal);
  };

  /** A step may start from a commit of an earlier step, which only our own git dir has. */
  async function openGitDir(repository: UserRepository, commit: string, signal?: AbortSignal): Promise<string> {
    const theirs = await resolveCommit(git, repository, commit).catch((error: unknown) => AgentError.from(error));
    if (!(theirs instanceof AgentError)) return store.ensure(repository, [theirs], signal);
    const gitDir = await store.open(repository);
    await requireObject(git, gitDir, commit, "commit");
    return gitDir;
  }

  return {
    inspect: (request) => inspectRepository({ git, layout, store }, request),
    open,
    snapshot: ({ workspaceId }, options) =>
      withWorkspace(workspaceId, options?.signal, async (workspace) => ({
        tree: await takeSnapshot(git, workspace, options?.signal),
      })),
    restore: ({ workspaceId, tree }, options) =>
      withWorkspace(workspaceId, options?.signal, async (workspace) => {
        await restoreTree(git, workspace, await requireObject(git, workspace.gitDir, tree, "tree"));
      }),
    diff: ({ workspaceId }, options) =>
      withWorkspace(workspaceId, options?.signal, async (workspace) => {
        const tree = await takeSnapshot(git, workspace, options?.signal);
        return { files: await diffTrees(git, workspace.gitDir, { from: workspace.base, to: tree }) };
      }),
    async diffCommits({ repositoryPath, from, to }) {
      const gitDir = await store.open(await findUserRepository(git, repositoryPath));
      const range = {
        from: await requireObject(git, gitDir, from, "commit"),
        to: await requireObject(git, gitDir, to, "commit"),
      };
      return { files: await diffTrees(git, gitDir, range) };
    },
    commit: (request, options) =>
      withWorkspace(request.workspaceId, options?.signal, async (workspace) => {
        const date = gitDate(request.authoredAt);
        const { gitDir, tip } = workspace;
        const tree = await takeSnapshot(git, workspace, options?.signal);
        if (tree === (await requireObject(git, gitDir, tip, "tree"))) return { commit: tip, tree, files: [] };
        const message = commitMessage(request.message, request.trailers);
        const dates = { authorDate: date, committerDate: date };
        const commit = await commitTree(git, gitDir, { tree, parents: [tip], message, ...dates });
        await git.run(["update-ref", keepRef(workspace, commit), commit], placeOf(workspace));
        return { commit, tree, files: await diffTrees(git, gitDir, { from: tip, to: commit }) };
      }),
    merge: (request, options) =>
      withWorkspace(request.workspaceId, options?.signal, (workspace) =>
        mergeHeads({ git, layout }, workspace, request),
      ),
    continueMerge: (request, options) =>
      withWorkspace(request.workspaceId, options?.signal, (workspace) =>
        continueMergeHeads({ git, layout }, workspace),
      ),
    publish: (request) => publishBranch({ git, store }, request),
    writeRecord: (request) => writePlanRecord(git, request),
    async remove({ planId }) {
      for (const workspace of await workspacesOfPlan(layout, checkId("plan id", planId))) {
        await lock.hold(workspaceLockKey(workspace.workspaceId), async () => {
          await rm(workspace.metaDir, { recursive: true, force: true });
          await rm(workspace.dir, { recursive: true, force: true });
          await dropRefs(git, workspace.gitDir, `refs/ossaat/keep/${refPart(planId)}/`);
        });
      }
      await rm(layout.planDir(planId), { recursive: true, force: true });
    },
    readLog: (request) => logs.read(request),
  };
}

async function dropRefs(git: Git, gitDir: string, prefix: string): Promise<void> {
  const refs = await git.text(["for-each-ref", "--format=delete %(refname)", prefix], { gitDir });
  if (refs !== "") await git.run(["update-ref", "--stdin"], { gitDir, input: `${refs}\n` });
}
