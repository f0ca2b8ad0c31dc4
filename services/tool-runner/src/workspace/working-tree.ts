// The files of a workspace as trees. The caller holds the workspace's lock and no box is alive
// on it, so nothing changes below git's feet.
import { access, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

import type { Git, GitPlace } from "../git/git.ts";
import { updateRef } from "../git/update-ref.ts";
import type { TreeChange } from "./diff-trees.ts";
import { dropGitlinks, findGitlinks, withoutGitlinks, writeTreeWith } from "./gitlinks.ts";
import type { Gitlink } from "./gitlinks.ts";
import { removeGitDirs, removeTree } from "./nested-git.ts";
import type { OpenWorkspace } from "./workspace-record.ts";

export function placeOf(workspace: OpenWorkspace): GitPlace & { gitDir: string; indexFile: string } {
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
    const { gitDir } = workspace;
    const tree = await withoutGitlinks(git, gitDir, commit, indexFile);
    await git.run(["read-tree", "--reset", "-u", tree], { gitDir, workTree: temporary, indexFile });
    // An empty folder, as git itself leaves for a submodule that was not fetched.
    for (const { path } of workspace.gitlinks ?? []) {
      await mkdir(Buffer.concat([Buffer.from(`${temporary}/`), Buffer.from(path, "latin1")]), { recursive: true });
    }
    await removeTree(workspace.dir);
    await rename(indexFile, workspace.indexFile);
    await rename(temporary, workspace.dir);
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await rm(indexFile, { force: true });
  }
}

/**
 * `git add` of everything but installed dependencies and places of submodules. They are named to git
 * itself: the rules of a .gitignore file could bring them back.
 */
function addEverything(folders: readonly string[], links: readonly Gitlink[]) {
  const add = ["--no-literal-pathspecs", "add", "-A", "--ignore-errors"];
  const exclude = Buffer.from(":(exclude,literal)");
  const names = [
    ...folders.map((folder) => Buffer.from(folder)),
    ...links.map(({ path }) => Buffer.from(path, "latin1")),
  ];
  const rows = names.flatMap((name) => [exclude, name, Buffer.from([0])]);
  return {
    args: [...add, "--pathspec-from-file=-", "--pathspec-file-nul"],
    // Names travel as bytes: an argument would have to be UTF-8.
    input: Buffer.concat([Buffer.from(".\0"), ...rows]),
  };
}

/** Submodules of the base. A working tree of an earlier version has no note of them. */
async function gitlinksOf(git: Git, workspace: OpenWorkspace): Promise<readonly Gitlink[]> {
  return workspace.gitlinks ?? findGitlinks(git, workspace.gitDir, workspace.base);
}

/** Keeps an object alive. Our refs are files of their own, never packed, so one that is there needs no git. */
async function keep(git: Git, workspace: OpenWorkspace, object: string): Promise<void> {
  const ref = keepRef(workspace, object);
  const isKept = await access(join(workspace.gitDir, ref)).then(
    () => true,
    () => false,
  );
  if (!isKept) await updateRef(git, [ref, object], placeOf(workspace));
}

/** Tree id of the files as they are, ignored ones and installed dependencies left out. */
export async function takeSnapshot(git: Git, workspace: OpenWorkspace, signal?: AbortSignal): Promise<string> {
  const place = { ...placeOf(workspace), signal };
  // Left by a killed process; this process holds the workspace alone.
  await rm(`${workspace.indexFile}.lock`, { force: true });
  await removeGitDirs(workspace.dir, workspace.watch);
  const links = await gitlinksOf(git, workspace);
  if (links.length > 0) await dropGitlinks(git, place, links);
  // Unreadable files are left out rather than making every later call fail.
  const { args, input } = addEverything(workspace.dependencies?.folders ?? [], links);
  await git.run(args, { ...place, input, okCodes: [1] });
  const tree = await writeTreeWith(git, place, links);
  await keep(git, workspace, tree);
  return tree;
}

/** Makes the files equal to a tree; ignored files stay. Returns nothing: the tree is the result. */
export async function restoreTree(git: Git, workspace: OpenWorkspace, tree: string): Promise<void> {
  // First everything untracked becomes tracked, so that git knows what to remove.
  await takeSnapshot(git, workspace);
  const files = await withoutGitlinks(git, workspace.gitDir, tree, workspace.indexFile);
  await git.run(["read-tree", "--reset", "-u", files], placeOf(workspace));
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
    const files = await git.text(["write-tree"], scratch);
    const wanted = await writeTreeWith(git, scratch, await gitlinksOf(git, workspace));
    await git.run(["read-tree", "--reset", "-u", files], place);
    await keep(git, workspace, wanted);
    return wanted;
  } finally {
    await rm(indexFile, { force: true });
  }
}
