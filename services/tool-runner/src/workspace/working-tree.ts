// The files of a workspace as trees. The caller holds the workspace's lock and no box is alive
// on it, so nothing changes below git's feet.
import { access, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

import { excludeOption } from "../dependencies/dependency-folder.ts";
import { splitNul } from "../git/git.ts";
import type { Git, GitPlace } from "../git/git.ts";
import { removeNestedGitDirs } from "./nested-git.ts";
import type { TreeChange } from "./diff-trees.ts";
import type { OpenWorkspace } from "./workspace-record.ts";

export function placeOf(workspace: OpenWorkspace): GitPlace & { gitDir: string } {
  return { gitDir: workspace.gitDir, workTree: workspace.dir, indexFile: workspace.indexFile };
}

/** Name of the ref that keeps an object of this workspace alive. */
export function keepRef(workspace: Pick<OpenWorkspace, "planId" | "workspaceId">, object: string): string {
  return `refs/ossaat/keep/${refPart(workspace.planId)}/${refPart(workspace.workspaceId)}/${object}`;
}

/** An id as one component of a ref name, injective: dots would be refused in some places. */
export function refPart(id: string): string {
  return id.replace(/[^A-Za-z0-9-]/gu, (char) => `_${char.codePointAt(0)?.toString(16) ?? ""}`);
}

/** Checks a commit out into a new folder; it appears under its name only when complete. */
export async function checkOut(git: Git, workspace: OpenWorkspace, commit: string): Promise<void> {
  const temporary = `${workspace.dir}.${randomUUID()}.tmp`;
  const indexFile = join(workspace.metaDir, `index.${randomUUID()}`);
  await mkdir(temporary, { recursive: true, mode: 0o700 });
  await mkdir(workspace.metaDir, { recursive: true, mode: 0o700 });
  try {
    await git.run(["read-tree", "--reset", "-u", commit], { gitDir: workspace.gitDir, workTree: temporary, indexFile });
    await rm(workspace.dir, { recursive: true, force: true });
    await rename(indexFile, workspace.indexFile);
    await rename(temporary, workspace.dir);
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(indexFile, { force: true });
  }
}

/**
 * `git add` of everything but installed dependencies. They are named to git itself: the rules of a
 * .gitignore file could bring them back.
 */
function addArguments(folders: readonly string[]): string[] {
  const add = ["add", "-A", "--ignore-errors"];
  if (folders.length === 0) return add;
  return ["--no-literal-pathspecs", ...add, "--", ".", ...folders.map((folder) => `:(exclude,literal)${folder}`)];
}

/** Keeps an object alive. Our refs are files of their own, never packed, so one that is there needs no git. */
async function keep(git: Git, workspace: OpenWorkspace, object: string): Promise<void> {
  const ref = keepRef(workspace, object);
  const isKept = await access(join(workspace.gitDir, ref)).then(
    () => true,
    () => false,
  );
  if (!isKept) await git.run(["update-ref", ref, object], placeOf(workspace));
}

/** Tree id of the files as they are, ignored ones and installed dependencies left out. */
export async function takeSnapshot(git: Git, workspace: OpenWorkspace, signal?: AbortSignal): Promise<string> {
  const place = { ...placeOf(workspace), signal };
  // Left by a killed process; this process holds the workspace alone.
  await rm(`${workspace.indexFile}.lock`, { force: true });
  const folders = workspace.dependencies?.folders ?? [];
  const list = ["ls-files", "-z", "-o", "--exclude-standard", ...folders.map(excludeOption)];
  const untracked = splitNul((await git.run(list, place)).stdout);
  await removeNestedGitDirs(workspace.dir, untracked);
  // Unreadable files are left out rather than making every later call fail.
  await git.run(addArguments(folders), { ...place, okCodes: [1] });
  const tree = await git.text(["write-tree"], place);
  await keep(git, workspace, tree);
  return tree;
}

/** Makes the files equal to a tree; ignored files stay. Returns nothing: the tree is the result. */
export async function restoreTree(git: Git, workspace: OpenWorkspace, tree: string): Promise<void> {
  // First everything untracked becomes tracked, so that git knows what to remove.
  await takeSnapshot(git, workspace);
  await git.run(["read-tree", "--reset", "-u", tree], placeOf(workspace));
}

/** Undoes the given changes (relative to `before`) and returns the tree that is left. */
export async function revertChanges(
  git: Git,
  workspace: OpenWorkspace,
  changes: readonly TreeChange[],
): Promise<string> {
  const place = placeOf(workspace);
  const indexFile = join(workspace.metaDir, `index.${randomUUID()}`);
  const { stdout } = await git.run(["ls-files", "-z", "--stage"], place);
  const none = "0".repeat(changes[0]?.newObject.length ?? 40);
  // Deletions first, so that a file can come back where a folder was put.
  const lines = [
    ...changes.filter((change) => change.status === "added").map((change) => `0 ${none}\t${change.path}`),
    ...changes
      .filter((change) => change.status !== "added")
      .map((change) => `${change.oldMode} ${change.oldObject}\t${change.path}`),
  ];
  const input = Buffer.from(lines.map((line) => `${line}\0`).join(""), "latin1");
  try {
    const scratch = { ...place, indexFile };
    await git.run(["update-index", "-z", "--index-info"], { ...scratch, input: stdout });
    await git.run(["update-index", "--replace", "-z", "--index-info"], { ...scratch, input });
    const wanted = await git.text(["write-tree"], scratch);
    await git.run(["read-tree", "--reset", "-u", wanted], place);
    await keep(git, workspace, wanted);
    return wanted;
  } finally {
    await rm(indexFile, { force: true });
  }
}
