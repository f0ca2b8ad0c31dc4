// The workspace service: one lock per working tree, every request checked before it acts.
import { rm } from "node:fs/promises";

import { AgentError } from "@ossaat/contracts";
import type { CallOptions, HeldWorkspace, WorkspaceService } from "@ossaat/contracts";

import { findDependencies } from "../dependencies/find-dependencies.ts";
import { buildFarms } from "../dependencies/link-farm.ts";
import { displayPath } from "../git/git.ts";
import type { Git } from "../git/git.ts";
import { updateRef } from "../git/update-ref.ts";
import { moveKept } from "../kept/move-kept.ts";
import type { LogStore } from "../log/log-store.ts";
import { requireAllowed } from "./allowed-paths.ts";
import { commitMessage, commitTree, gitDate } from "./commit-tree.ts";
import { changesBetween, diffTrees } from "./diff-trees.ts";
import type { Fences } from "./fences.ts";
import { findGitlinks } from "./gitlinks.ts";
import { inspectRepository } from "./inspect-repository.ts";
import { checkId } from "./layout.ts";
import type { Layout } from "./layout.ts";
import { listKept } from "./list-kept.ts";
import type { KeyedLock } from "./lock.ts";
import { continueMergeHeads, mergeHeads } from "./merge.ts";
import { removeGitDirs, removeTree } from "./nested-git.ts";
import { publishBranch } from "./publish.ts";
import { createRepositoryStore } from "./repository-store.ts";
import type { RepositoryStore } from "./repository-store.ts";
import { findUserRepository, resolveCommit } from "./user-repository.ts";
import type { UserRepository } from "./user-repository.ts";
import { writePlanRecord } from "./write-record.ts";
import { checkOut, keepRef, placeOf, refPart, restoreTree, takeSnapshot } from "./working-tree.ts";
import { findWorkspace, loadWorkspace, saveWorkspace, withPlaces, workspacesOfPlan } from "./workspace-record.ts";
import type { OpenWorkspace } from "./workspace-record.ts";

export type WorkspaceDeps = {
  git: Git;
  layout: Layout;
  lock: KeyedLock;
  logs: LogStore;
  fences: Fences;
  /** Where a box shows folders of the user's checkout; without it no installed dependencies are offered. */
  dependencyRoot?: string | undefined;
};

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

type Opened = { git: Git; layout: Layout; store: RepositoryStore; dependencyRoot: string | undefined };
type OpenRequest = Parameters<WorkspaceService["open"]>[0];

/** A step may start from a commit of an earlier step, which only our own git dir has. */
async function gitDirWith(deps: Opened, repository: UserRepository, commit: string, signal?: AbortSignal) {
  const { git, store } = deps;
  const theirs = await resolveCommit(git, repository, commit).catch((error: unknown) => AgentError.from(error));
  if (!(theirs instanceof AgentError)) return store.ensure(repository, [theirs], signal);
  const gitDir = await store.open(repository);
  await requireObject(git, gitDir, commit, "commit");
  return gitDir;
}

/**
 * Offers what the user has installed by now. A folder that was offered once stays out of snapshots.
 * Recorded before the first link is made: no snapshot ever sees one.
 */
async function offerDependencies(deps: Opened, workspace: OpenWorkspace, repository: UserRepository): Promise<void> {
  const { git, layout, dependencyRoot } = deps;
  if (dependencyRoot === undefined) return;
  const found = await findDependencies({ git, workspace, repository });
  const before = workspace.dependencies;
  const folders = [...new Set([...(before?.folders ?? []), ...(found?.folders ?? [])])];
  if (folders.length === 0) return;
  const dependencies = { root: repository.root, folders, omitted: found?.omitted ?? 0 };
  await saveWorkspace(layout, { ...workspace, dependencies });
  await buildFarms(dependencies, { tree: workspace.dir, shownAt: dependencyRoot }, "all");
}

async function reopenWorkspace(deps: Opened, workspace: OpenWorkspace, request: OpenRequest, signal?: AbortSignal) {
  const { git, layout } = deps;
  const repository = await findUserRepository(git, request.repositoryPath).catch((error: unknown) => {
    // The working tree stands on its own; a checkout that has moved away has nothing to offer.
    if (error instanceof AgentError) return undefined;
    throw error;
  });
  await removeGitDirs(workspace.dir);
  if (repository !== undefined) await offerDependencies(deps, workspace, repository);
  return { tree: await takeSnapshot(git, await loadWorkspace(layout, workspace.workspaceId), signal) };
}

async function openWorkspace(deps: Opened, request: OpenRequest, signal?: AbortSignal): Promise<{ tree: string }> {
  const { git, layout } = deps;
  const { workspaceId, planId } = request;
  const existing = await findWorkspace(layout, workspaceId);
  if (existing !== undefined && existing.planId !== planId) {
    throw new AgentError("conflict", `The workspace ${workspaceId} belongs to another plan.`);
  }
  if (existing !== undefined) return reopenWorkspace(deps, existing, request, signal);
  const repository = await findUserRepository(git, request.repositoryPath);
  const gitDir = await gitDirWith(deps, repository, request.commit, signal);
  const base = await requireObject(git, gitDir, request.commit, "commit");
  const gitlinks = await findGitlinks(git, gitDir, base);
  const compared =
    request.diffBase === undefined ? {} : { diffBase: await requireObject(git, gitDir, request.diffBase, "commit") };
  const record = { schemaVersion: 1 as const, workspaceId, planId, gitDir, base, tip: base, gitlinks, ...compared };
  await checkOut(git, withPlaces(layout, record), base);
  await offerDependencies(deps, await saveWorkspace(layout, record), repository);
  return { tree: await requireObject(git, gitDir, base, "tree") };
}

type CommitRequest = Parameters<WorkspaceService["commit"]>[0];

async function commitWorkspace(git: Git, workspace: OpenWorkspace, request: CommitRequest, signal?: AbortSignal) {
  const date = gitDate(request.authoredAt);
  const { gitDir, tip } = workspace;
  const tree = await takeSnapshot(git, workspace, signal);
  if (tree === (await requireObject(git, gitDir, tip, "tree"))) return { commit: tip, tree, files: [] };
  if (request.allowedPaths !== undefined) {
    const changes = await changesBetween(git, gitDir, tip, tree);
    requireAllowed(
      changes.map((change) => displayPath(change.path)),
      request.allowedPaths,
    );
  }
  const message = commitMessage(request.message, request.trailers);
  const dates = { authorDate: date, committerDate: date };
  const commit = await commitTree(git, gitDir, { tree, parents: [tip], message, ...dates });
  await updateRef(git, [keepRef(workspace, commit), commit], placeOf(workspace));
  return { commit, tree, files: await diffTrees(git, gitDir, { from: tip, to: commit }) };
}

async function removePlan({ git, layout, lock }: WorkspaceDeps, planId: string): Promise<void> {
  for (const workspace of await workspacesOfPlan(layout, checkId("plan id", planId))) {
    await lock.hold(workspaceLockKey(workspace.workspaceId), async () => {
      await rm(workspace.metaDir, { recursive: true, force: true });
      // Commands may have closed folders to their owner, too.
      await removeTree(workspace.dir);
      await dropRefs(git, workspace.gitDir, `refs/ossaat/keep/${refPart(planId)}/`);
    });
  }
  await removeTree(layout.planDir(planId));
  await removeTree(layout.planCaches(planId));
}

async function diffCommits(deps: Opened, request: Parameters<WorkspaceService["diffCommits"]>[0]) {
  const { git, store } = deps;
  const gitDir = await store.open(await findUserRepository(git, request.repositoryPath));
  const from = await requireObject(git, gitDir, request.from, "commit");
  const to = await requireObject(git, gitDir, request.to, "commit");
  return { files: await diffTrees(git, gitDir, { from, to }) };
}

/** Makes the service over real git. */
export function createWorkspaces(deps: WorkspaceDeps): WorkspaceService {
  const { git, layout, lock, logs, fences, dependencyRoot } = deps;
  const opened: Opened = { git, layout, store: createRepositoryStore(git, layout, lock), dependencyRoot };

  /** Alone in the working tree, for as long as nobody else has taken it over. */
  async function holding<T>(held: HeldWorkspace, options: CallOptions | undefined, work: () => Promise<T>) {
    const { workspaceId, fence } = held;
    const key = workspaceLockKey(checkId("workspace id", workspaceId));
    await fences.admit(workspaceId, fence, options?.signal);
    const run = async () => {
      await fences.check(workspaceId, fence);
      return work();
    };
    return lock.hold(key, run, options?.signal);
  }

  const within = <T>(
    held: HeldWorkspace,
    options: CallOptions | undefined,
    work: (workspace: OpenWorkspace) => Promise<T>,
  ) => holding(held, options, async () => work(await loadWorkspace(layout, held.workspaceId)));

  return {
    inspect: (request) => inspectRepository(opened, request),
    async open(request, options) {
      checkId("plan id", request.planId);
      return holding(request, options, () => openWorkspace(opened, request, options?.signal));
    },
    snapshot: (request, options) =>
      within(request, options, async (workspace) => ({
        tree: await takeSnapshot(git, workspace, options?.signal),
      })),
    restore: (request, options) =>
      within(request, options, async (workspace) =>
        restoreTree(git, workspace, await requireObject(git, workspace.gitDir, request.tree, "tree")),
      ),
    diff: (request, options) =>
      within(request, options, async (workspace) => {
        const tree = await takeSnapshot(git, workspace, options?.signal);
        return { files: await diffTrees(git, workspace.gitDir, { from: workspace.base, to: tree }) };
      }),
    diffCommits: (request) => diffCommits(opened, request),
    commit: (request, options) =>
      within(request, options, (workspace) => commitWorkspace(git, workspace, request, options?.signal)),
    merge: (request, options) =>
      within(request, options, (workspace) => mergeHeads({ git, layout }, workspace, request)),
    continueMerge: (request, options) =>
      within(request, options, (workspace) => continueMergeHeads({ git, layout }, workspace)),
    publish: (request) => publishBranch(opened, request),
    writeRecord: (request) => writePlanRecord(git, request),
    remove: ({ planId }) => removePlan(deps, planId),
    listKept: ({ after }) => listKept(layout, after),
    readLog: (request) => logs.read(request),
    ...moveKept({ git, layout, logs, store: opened.store }),
  };
}

async function dropRefs(git: Git, gitDir: string, prefix: string): Promise<void> {
  const refs = await git.text(["for-each-ref", "--format=delete %(refname)", prefix], { gitDir });
  if (refs !== "") await updateRef(git, ["--stdin"], { gitDir, input: `${refs}\n` });
}
