// No `.git` stays in a working tree: the configuration behind one is the agent's, and host-side git
// would read it, or start what it names. The tree is walked here, without git's help.
import { randomUUID } from "node:crypto";
import { chmod, lstat, readdir, rename, rm } from "node:fs/promises";

import { AgentError } from "@ossaat/contracts";

import { walkLimits } from "./limits.ts";

const slash = Buffer.from("/");

function child(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, slash, name]);
}

/** Whether a file system that ignores case would take the name for `.git`. */
function isGitName(name: Buffer): boolean {
  return name.length === 4 && name.toString("latin1").toLowerCase() === ".git";
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

async function entriesOf(folder: Buffer) {
  const read = () => readdir(folder, { withFileTypes: true, encoding: "buffer" });
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    if (codeOf(error) !== "EACCES") throw error;
    // A folder may be closed to a walk and open to one who knows the names in it. git keeps no such modes.
    await chmod(folder, 0o700);
    return read();
  }
}

/** Hears of what a walk comes by; paths are absolute. */
export type TreeWatch = { onRemovedGit?: (path: Buffer) => void; onIgnoreFile?: (path: Buffer) => void };

const ignoreFile = Buffer.from(".gitignore");

/** Removes what is called `.git` in one folder and gives its real folders. */
async function cleanFolder(folder: Buffer, watch: TreeWatch): Promise<{ folders: Buffer[]; entries: number }> {
  const entries = await entriesOf(folder);
  const folders: Buffer[] = [];
  for (const entry of entries) {
    const path = child(folder, entry.name);
    if (isGitName(entry.name)) {
      await removeTree(path);
      watch.onRemovedGit?.(path);
    } else if (!entry.isDirectory()) {
      if (entry.name.equals(ignoreFile)) watch.onIgnoreFile?.(path);
    }
    // Out of git's reach and soon of ours: nothing of a repository lies there.
    else if (path.length > walkLimits.maxPathBytes) await removeTree(path);
    else folders.push(path);
  }
  return { folders, entries: entries.length };
}

function tooLarge(): AgentError {
  const message = `The working tree has more than ${walkLimits.maxEntries} entries.`;
  return new AgentError("limit_exceeded", message, { details: { reason: "entries" } });
}

/** Visits every real folder below `root`, never through a link. @throws AgentError limit_exceeded */
async function walk(root: Buffer, visit: (folder: Buffer) => Promise<{ folders: Buffer[]; entries: number }>) {
  let waiting = [root];
  let seen = 0;
  while (waiting.length > 0) {
    const now = waiting.slice(-walkLimits.parallelFolders);
    waiting = waiting.slice(0, -walkLimits.parallelFolders);
    const visited = await Promise.all(now.map(visit));
    for (const { folders, entries } of visited) {
      seen += entries;
      waiting.push(...folders);
    }
    if (seen > walkLimits.maxEntries) throw tooLarge();
  }
}

/** A file, link or real folder of a tree; the path is absolute. */
export type FolderEntry = { path: Buffer; isFolder: boolean };

/**
 * Visits everything below `root`, folders before what they hold, never through a link. A folder is
 * entered when its visit gives true.
 * @throws AgentError limit_exceeded for a tree that cannot be walked whole
 */
export async function walkTree(root: string, visit: (entry: FolderEntry) => Promise<boolean>): Promise<void> {
  await walk(Buffer.from(root), async (folder) => {
    const entries = await entriesOf(folder);
    const folders: Buffer[] = [];
    for (const entry of entries) {
      const path = child(folder, entry.name);
      const isFolder = entry.isDirectory();
      if ((await visit({ path, isFolder })) && isFolder) folders.push(path);
    }
    return { folders, entries: entries.length };
  });
}

/**
 * Removes a file, a link or a folder with all below it. Folders that were closed to their owner are
 * opened first. No box may be alive on it; others may remove the same. Nothing there is no error.
 * @throws AgentError unavailable when something is still at work in it: asked again, it may go
 */
export async function removeTree(path: Buffer | string): Promise<void> {
  const bytes = Buffer.from(path as string);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await rm(bytes, { recursive: true, force: true });
      return;
    } catch (error) {
      const code = codeOf(error) ?? "";
      const isLast = !mendable.has(code) || attempt === walkLimits.removals;
      if (isLast && inUse.has(code)) throw stillInUse(error);
      if (isLast) throw error;
    }
    // NOTE: a failed `rm` ends at its first error and goes on removing elsewhere in the tree.
    for (const moved of await openTree(bytes)) await removeTree(moved);
  }
}

const mendable = new Set(["EACCES", "EPERM", "ENOTEMPTY", "ENAMETOOLONG"]);
const inUse = new Set(["ENOTEMPTY", "EBUSY"]);

function stillInUse(cause: unknown): AgentError {
  return new AgentError("unavailable", "A folder could not be removed: something still writes or is mounted in it.", {
    cause,
    details: { next: "`ossaat doctor` says how the tool runner is; the removal is tried again by itself" },
  });
}

/** What was asked of an entry that may be gone by then. */
async function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    return undefined;
  }
}

/** Opens every folder to its owner; parts that lie too deep are moved beside the root, and given. */
async function openTree(root: Buffer): Promise<Buffer[]> {
  const moved: Buffer[] = [];
  const beside = root.subarray(0, root.lastIndexOf(slash));
  await walk(root, async (folder) => {
    const opened = await unlessGone(openFolder(folder));
    if (opened === undefined) return { folders: [], entries: 0 };
    const { folders, entries } = opened;
    if (folder.length < root.length + walkLimits.removedPathBytes) return { folders, entries };
    for (const deep of folders) {
      const place = child(beside, Buffer.from(`removed-${randomUUID()}`));
      await unlessGone(rename(deep, place));
      moved.push(place);
    }
    return { folders: [], entries };
  });
  return moved;
}

async function openFolder(folder: Buffer): Promise<{ folders: Buffer[]; entries: number }> {
  const stats = await lstat(folder);
  if (!stats.isDirectory()) return { folders: [], entries: 0 };
  await chmod(folder, 0o700);
  const entries = await entriesOf(folder);
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => child(folder, entry.name));
  return { folders, entries: entries.length };
}

/**
 * Removes every `.git` at any depth, file or folder. Called before host-side git works on a working
 * tree; the caller holds its lock and no box is alive on it. `watch` hears of each.
 * @throws AgentError limit_exceeded for a tree that cannot be walked whole: git must not see it.
 */
export async function removeGitDirs(root: string, watch: TreeWatch = {}): Promise<void> {
  await walk(Buffer.from(root), (folder) => cleanFolder(folder, watch));
}
