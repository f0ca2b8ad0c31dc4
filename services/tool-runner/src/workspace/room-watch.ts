// Watches the room on a working tree's disk during a command, whatever the tree's own bound. One that
// fills the disk is undone as a whole: nothing could be recorded, its own end least of all, before.
import { lstat, rmdir, statfs, unlink } from "node:fs/promises";

import { roomLimits } from "./limits.ts";
import { walkTree } from "./nested-git.ts";
import type { FolderEntry } from "./nested-git.ts";
import type { OpenWorkspace } from "./workspace-record.ts";

type Room = { bytes: number; files: number };

export type RoomWatch = {
  /**
   * Removes what was written since the start of the watch, when it took the room that the platform
   * needs. No box may be alive on the tree. What was tracked has to be restored then.
   */
  undoFill(): Promise<void>;
  /** Whether the command was undone. */
  readonly isUndone: boolean;
};

/** A file system that does not count its files has no bound on them. */
async function readRoom(dir: string): Promise<Room> {
  const { bavail, bsize, files, ffree } = await statfs(dir);
  return { bytes: bavail * bsize, files: files === 0 ? Number.POSITIVE_INFINITY : ffree };
}

function isLow({ bytes, files }: Room): boolean {
  return bytes < roomLimits.lowBytes || files < roomLimits.lowFiles;
}

/** What lies too deep for the system is left to the walk that removes it. */
function ignoreUnreachable(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== "ENAMETOOLONG") throw error;
}

/** Visits what was changed since `sinceMs`, deepest last; installed dependencies are not part of the tree. */
async function visitNew(
  { dir, dependencies }: OpenWorkspace,
  sinceMs: number,
  visit: (entry: FolderEntry, blocks: number) => Promise<void> | void,
): Promise<void> {
  const kept = new Set((dependencies?.folders ?? []).map((folder) => `${dir}/${folder}`));
  await walkTree(dir, async (entry) => {
    if (entry.isFolder && kept.has(entry.path.toString("utf8"))) return false;
    const stats = await lstat(entry.path).catch(ignoreUnreachable);
    if (stats === undefined) return false;
    const { ctimeMs, blocks } = stats;
    if (ctimeMs >= sinceMs) await visit(entry, blocks);
    return true;
  });
}

async function measureNew(workspace: OpenWorkspace, sinceMs: number): Promise<Room> {
  const found = { bytes: 0, files: 0 };
  await visitNew(workspace, sinceMs, (_entry, blocks) => {
    found.bytes += blocks * 512;
    found.files += 1;
  });
  return found;
}

/** Folders that hold something older, and what a closed folder holds, stay. */
const stays = new Set(["ENOTEMPTY", "EEXIST", "ENOENT", "EACCES", "EPERM"]);

function ignoreStaying(error: unknown): void {
  if (!stays.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
}

async function removeNew(workspace: OpenWorkspace, sinceMs: number): Promise<void> {
  const folders: Buffer[] = [];
  await visitNew(workspace, sinceMs, async ({ path, isFolder }) => {
    if (isFolder) folders.push(path);
    else await unlink(path).catch(ignoreStaying);
  });
  for (const folder of folders.toReversed()) await rmdir(folder).catch(ignoreStaying);
}

/** Starts to watch; call it right before the command. */
export async function watchRoom(workspace: OpenWorkspace): Promise<RoomWatch> {
  const before = await readRoom(workspace.dir);
  const sinceMs = Date.now() - roomLimits.clockGrainMs;
  let isUndone = false;
  return {
    get isUndone() {
      return isUndone;
    },
    async undoFill() {
      const after = await readRoom(workspace.dir);
      const becameLow = isLow(after) && !isLow(before);
      if (!becameLow) return;
      const { bytes, files } = await measureNew(workspace, sinceMs);
      // Somebody else took the room: what the command made stays.
      if (bytes < roomLimits.minFillBytes && files < roomLimits.minFillFiles) return;
      isUndone = true;
      await removeNew(workspace, sinceMs);
    },
  };
}
