// Joins the results of several steps: their commits replayed in order, so that the history
// stays one line with one commit per writing step.
import { AgentError, hashJson } from "@ossaat/contracts";
import type { MergeResult } from "@ossaat/contracts";

import type { Git } from "../git/git.ts";
import { displayPath, splitNul } from "../git/git.ts";
import { updateRef } from "../git/update-ref.ts";
import { commitTree, gitDate } from "./commit-tree.ts";
import type { Layout } from "./layout.ts";
import { mergeLimits } from "./limits.ts";
import { loadMerge, saveMerge } from "./merge-state.ts";
import type { MergeState } from "./merge-state.ts";
import { replayCommit } from "./replay-commit.ts";
import { keepRef, placeOf, restoreTree, takeSnapshot } from "./working-tree.ts";
import { saveWorkspace } from "./workspace-record.ts";
import type { OpenWorkspace } from "./workspace-record.ts";

type Deps = { git: Git; layout: Layout };
type Head = { stepId: string; head: string };

async function knownCommit(git: Git, gitDir: string, name: string): Promise<string> {
  const valid = /^[0-9a-f]{40,64}$/u.test(name);
  const args = ["rev-parse", "--verify", "--quiet", `${name}^{commit}`];
  const found = valid ? await git.run(args, { gitDir, okCodes: [1, 128] }) : undefined;
  if (found?.code === 0) return found.stdout.toString("utf8").trim();
  throw new AgentError("invalid_input", `${name} is not a commit of this plan.`);
}

async function treeOf(git: Git, gitDir: string, commit: string): Promise<string> {
  return git.text(["rev-parse", "--verify", `${commit}^{tree}`], { gitDir });
}

/** Commits to replay: each head's own since the base, oldest first, each once. */
async function planQueue(git: Git, workspace: OpenWorkspace, heads: readonly Head[]): Promise<MergeState["queue"]> {
  const { gitDir, base } = workspace;
  const queue = new Map<string, string>();
  for (const { stepId, head } of heads) {
    const commit = await knownCommit(git, gitDir, head);
    const list = await git.text(["rev-list", "--reverse", "--first-parent", commit, `^${base}`], { gitDir });
    for (const each of list.split("\n")) if (each !== "" && !queue.has(each)) queue.set(each, stepId);
  }
  if (queue.size > mergeLimits.maxCommits) {
    throw new AgentError("limit_exceeded", `The merge would replay ${queue.size} commits.`);
  }
  return [...queue].map(([commit, stepId]) => ({ commit, stepId }));
}

async function isAncestor(git: Git, gitDir: string, commit: string, head: string): Promise<boolean> {
  const args = ["merge-base", "--is-ancestor", commit, head];
  return (await git.run(args, { gitDir, okCodes: [1] })).code === 0;
}

/** The replayed commit: message and author time of the original, committed at the merge's time. */
async function recommit(deps: Deps, workspace: OpenWorkspace, state: MergeState, commit: string, tree: string) {
  const { git } = deps;
  const { gitDir } = workspace;
  const message = await git.text(["log", "-1", "--no-show-signature", "--format=%B", commit], { gitDir });
  const authorDate = await git.text(["log", "-1", "--no-show-signature", "--format=@%at +0000", commit], { gitDir });
  const committerDate = gitDate(state.authoredAt);
  const parents = [state.head];
  const made = await commitTree(git, gitDir, {
    tree,
    parents,
    message: `${message.trimEnd()}\n`,
    authorDate,
    committerDate,
  });
  await updateRef(git, [keepRef(workspace, made), made], { gitDir });
  return made;
}

async function finish(deps: Deps, workspace: OpenWorkspace, state: MergeState): Promise<MergeResult> {
  const tree = await treeOf(deps.git, workspace.gitDir, state.head);
  // Files first, then the record: a kill in between repeats this step and nothing else.
  await restoreTree(deps.git, workspace, tree);
  await saveWorkspace(deps.layout, { ...workspace, tip: state.head });
  await saveMerge(workspace.metaDir, { ...state, queue: [], done: true });
  return { status: "merged", head: state.head, tree };
}

function conflictResult(conflict: NonNullable<MergeState["conflict"]>): MergeResult {
  return { status: "conflict", files: conflict.files, applying: conflict.stepId, details: conflict.details };
}

/** Replays the queue until it is empty or a commit conflicts. */
async function advance(deps: Deps, workspace: OpenWorkspace, start: MergeState): Promise<MergeResult> {
  const { git } = deps;
  const { gitDir, workspaceId } = workspace;
  let state = start;
  for (const next of start.queue) {
    const queue = state.queue.slice(1);
    const parents = await git.text(["log", "-1", "--format=%P", next.commit], { gitDir });
    if (await isAncestor(git, gitDir, next.commit, state.head)) {
      state = { ...state, queue };
    } else if (parents.split(" ")[0] === state.head) {
      state = { ...state, head: next.commit, queue };
    } else {
      const replay = await replayCommit(git, gitDir, {
        onto: state.head,
        commit: next.commit,
        label: next.stepId,
        workspaceId,
      });
      if (replay.status === "conflict") {
        await restoreTree(git, workspace, replay.tree);
        const conflict = { ...next, files: replay.files, details: replay.details };
        await saveMerge(workspace.metaDir, { ...state, queue, conflict });
        return conflictResult(conflict);
      }
      const isEmpty = replay.tree === (await treeOf(git, gitDir, state.head));
      const head = isEmpty ? state.head : await recommit(deps, workspace, state, next.commit, replay.tree);
      state = { ...state, head, queue };
    }
  }
  return finish(deps, workspace, state);
}

/** Meets the conflict once more, because whoever asks again may have changed the files meanwhile. */
function showConflict(
  deps: Deps,
  workspace: OpenWorkspace,
  { conflict: _conflict, queue, ...rest }: MergeState,
  { commit, stepId }: NonNullable<MergeState["conflict"]>,
): Promise<MergeResult> {
  return advance(deps, workspace, { ...rest, queue: [{ commit, stepId }, ...queue] });
}

/** See {@link WorkspaceService.merge}. The caller holds the workspace's lock. */
export async function mergeHeads(
  deps: Deps,
  workspace: OpenWorkspace,
  request: { heads: readonly Head[]; authoredAt: string },
): Promise<MergeResult> {
  const { git } = deps;
  if (request.heads.length > mergeLimits.maxHeads) {
    throw new AgentError("limit_exceeded", `A merge joins at most ${mergeLimits.maxHeads} heads.`);
  }
  gitDate(request.authoredAt);
  const heads = request.heads.map(({ stepId, head }) => ({ stepId, head }));
  const key = hashJson({ base: workspace.base, heads, authoredAt: request.authoredAt });
  const before = await loadMerge(workspace.metaDir);
  if (before?.key === key) {
    if (before.done) {
      return { status: "merged", head: before.head, tree: await treeOf(git, workspace.gitDir, before.head) };
    }
    if (before.conflict !== undefined) return showConflict(deps, workspace, before, before.conflict);
  }
  const queue = await planQueue(git, workspace, heads);
  return advance(deps, workspace, {
    schemaVersion: 1,
    key,
    authoredAt: request.authoredAt,
    head: workspace.base,
    queue,
    done: false,
  });
}

const markerPattern = /^(?:<{7}|>{7}) /mu;

/** Files of the tree, among `files`, that still hold conflict markers. */
async function filesWithMarkers(git: Git, workspace: OpenWorkspace, tree: string, files: readonly string[]) {
  const { stdout } = await git.run(["ls-tree", "-r", "-z", tree], placeOf(workspace));
  const wanted = new Set(files);
  const found: string[] = [];
  for (const row of splitNul(stdout)) {
    const [head = "", raw = ""] = row.split("\t");
    const path = displayPath(raw);
    if (!wanted.has(path) || head.startsWith("120000") || !head.includes(" blob ")) continue;
    const content = await git.run(["cat-file", "blob", head.split(" ")[2] ?? ""], { gitDir: workspace.gitDir });
    if (markerPattern.test(content.stdout.toString("latin1"))) found.push(path);
  }
  return found;
}

/** See {@link WorkspaceService.continueMerge}. The caller holds the workspace's lock. */
export async function continueMergeHeads(deps: Deps, workspace: OpenWorkspace): Promise<MergeResult> {
  const state = await loadMerge(workspace.metaDir);
  if (state === undefined) throw new AgentError("conflict", "No merge is going on in this workspace.");
  if (state.done) {
    return { status: "merged", head: state.head, tree: await treeOf(deps.git, workspace.gitDir, state.head) };
  }
  const { conflict, ...rest } = state;
  if (conflict === undefined) return advance(deps, workspace, state);
  const tree = await takeSnapshot(deps.git, workspace);
  const unresolved = await filesWithMarkers(deps.git, workspace, tree, conflict.files);
  if (unresolved.length > 0) {
    throw new AgentError("conflict", `Conflict markers remain in ${unresolved.join(", ")}.`, {
      details: { files: unresolved },
    });
  }
  const isEmpty = tree === (await treeOf(deps.git, workspace.gitDir, state.head));
  const head = isEmpty ? state.head : await recommit(deps, workspace, state, conflict.commit, tree);
  return advance(deps, workspace, { ...rest, head });
}
