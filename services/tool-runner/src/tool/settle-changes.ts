// The check of what a call did to the working tree: changes outside the envelope or in the
// protected class are undone by the host and reported. The sandbox cannot do this itself:
// read-only mounts below an agent-writable folder are not safe.
import { posix } from "node:path";

import type { ToolOutput } from "@ossaat/contracts";
import { checkWritePath } from "@ossaat/policy";

import { displayPath, linePath } from "../git/git.ts";
import { changesBetween } from "../workspace/diff-trees.ts";
import type { TreeChange } from "../workspace/diff-trees.ts";
import { findSelfHiding } from "../workspace/hidden-rules.ts";
import { removeTree } from "../workspace/nested-git.ts";
import { watchRoom } from "../workspace/room-watch.ts";
import type { RoomWatch } from "../workspace/room-watch.ts";
import type { TreeExcess } from "../workspace/tree-guard.ts";
import { checkOut, restoreTree, revertChanges, takeSnapshot } from "../workspace/working-tree.ts";
import type { ToolContext } from "./tool.ts";

export type Settled = Pick<ToolOutput, "snapshot" | "changedPaths" | "revertedPaths">;

/** Files that decide what git sees: undoing or changing one can bring hidden files into view. */
function isIgnoreFile(path: string): boolean {
  return posix.basename(path) === ".gitignore";
}

/**
 * Takes the snapshot after a run. Rules that hid themselves are removed first, where they lie outside
 * of what is allowed: what they hid is then seen like everything else.
 */
async function snapshotAfter(
  { git, workspace }: ToolContext,
  isAllowed: (path: string) => boolean,
): Promise<{ snapshot: string; removed: string[] }> {
  const found: string[] = [];
  const onIgnoreFile = (path: Buffer): void => {
    found.push(path.toString("latin1").slice(Buffer.from(workspace.dir).toString("latin1").length + 1));
  };
  const watched = { ...workspace, watch: { ...workspace.watch, onIgnoreFile } };
  // Not cancellable: after a cancelled command the working tree must be in bounds, too.
  const snapshot = await takeSnapshot(git, watched);
  const removed: string[] = [];
  for (;;) {
    const hidden = await findSelfHiding(git, workspace, found);
    const outside = hidden.filter((path) => !isAllowed(displayPath(path)));
    if (outside.length === 0) break;
    for (const path of outside) {
      await removeTree(Buffer.concat([Buffer.from(`${workspace.dir}/`), Buffer.from(path, "latin1")]));
    }
    // One that was hidden by another may hide itself, too.
    removed.push(...outside.map(displayPath));
  }
  return removed.length === 0 ? { snapshot, removed } : { snapshot: await takeSnapshot(git, workspace), removed };
}

/** Undoes what is not allowed, until nothing new comes into view; each round removes at least one file. */
async function settle(context: ToolContext, before: string, isAllowed: (path: string) => boolean): Promise<Settled> {
  const { git, workspace } = context;
  const reverted = new Set<string>();
  for (;;) {
    const { snapshot, removed } = await snapshotAfter(context, isAllowed);
    const changes = await changesBetween(git, workspace.gitDir, before, snapshot);
    const outside = changes.filter((change) => !isAllowed(displayPath(change.path)));
    const changedPaths = changes.filter((change) => !outside.includes(change)).map(({ path }) => displayPath(path));
    for (const path of [...removed, ...outside.map((change) => displayPath(change.path))]) reverted.add(path);
    const revertedPaths = reverted.size === 0 ? {} : { revertedPaths: [...reverted].sort() };
    if (outside.length === 0) return { snapshot, changedPaths, ...revertedPaths };
    const kept = await revertChanges(git, workspace, outside);
    const hides = (change: TreeChange): boolean => isIgnoreFile(displayPath(change.path));
    if (!outside.some(hides)) return { snapshot: kept, changedPaths, ...revertedPaths };
  }
}

/** Compares with the tree before a command and undoes what the envelope does not cover. */
async function settleChanges(context: ToolContext, before: string): Promise<Settled> {
  const settled = await settle(context, before, (path) => {
    const check = checkWritePath(context.envelope, path);
    if (check.inside) return true;
    // A person allowed the command and so what it does; protected paths still need their own word.
    return context.approvedOutside && check.reason === "outside_envelope" && check.approvable;
  });
  for (const path of settled.revertedPaths ?? []) {
    const check = checkWritePath(context.envelope, path);
    context.deny({ layer: "changes", rule: check.inside ? "outside_envelope" : check.reason, what: path });
  }
  return settled;
}

/**
 * A tree that became too large is never shown to git, which would take it all in: it is made anew as
 * it was before the command. Ignored files go, too; who built them can build them again.
 */
async function startAnew({ git, workspace, trees, caches }: ToolContext, before: string): Promise<void> {
  await checkOut(git, workspace, before);
  await caches.drop(workspace);
  trees.forget(workspace.dir);
}

/**
 * Runs a command over the files and settles what it did, however it ended: a failed run may have
 * written, too. The run tells the watch over the disk as soon as its box has ended.
 */
export async function runSettled<Run extends { treeExcess?: TreeExcess }>(
  context: ToolContext,
  before: string,
  run: (room: RoomWatch) => Promise<Run>,
): Promise<{ run: Run; settled: Settled }> {
  const { git, workspace } = context;
  const room = await watchRoom(workspace);
  const settleRun = async (excess?: TreeExcess): Promise<Settled> => {
    if (excess !== undefined) await startAnew(context, before);
    else if (room.isUndone) await restoreTree(git, workspace, before);
    return settleChanges(context, before);
  };
  const ran = await run(room).catch(async (error: unknown) => {
    await settleRun();
    throw error;
  });
  return { run: ran, settled: await settleRun(ran.treeExcess) };
}

/**
 * Runs an edit of `paths` and takes the snapshot after it. Where it changes what is ignored, files
 * that a command hid outside the envelope come into view and are removed.
 */
export async function settleEdit(
  context: ToolContext,
  paths: readonly string[],
  edit: () => Promise<void>,
): Promise<Settled> {
  const { git, workspace, signal } = context;
  const before = paths.some(isIgnoreFile) ? await takeSnapshot(git, workspace, signal) : undefined;
  await edit();
  if (before === undefined) return { snapshot: await takeSnapshot(git, workspace, signal), changedPaths: [...paths] };
  return settle(context, before, (path) => paths.includes(path) || checkWritePath(context.envelope, path).inside);
}

const maxNamedPaths = 50;

/** Lines about undone changes for the model, empty when there were none. */
export function revertNote(settled: Settled): string {
  const paths = settled.revertedPaths ?? [];
  if (paths.length === 0) return "";
  const more = paths.length > maxNamedPaths ? ` and ${paths.length - maxNamedPaths} more` : "";
  return `\n[changes outside the approved paths were undone: ${paths.slice(0, maxNamedPaths).map(linePath).join(", ")}${more}]`;
}
