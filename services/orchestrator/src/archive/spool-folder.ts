// The folder in which an API process keeps archives while it makes or checks them: shown to nobody
// else, and without what dead processes left when it starts.
import { randomUUID } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";

export type SpoolSettings = {
  /** A folder that no other process has as its spool; absent = one below the system's temporary folder. */
  dir?: string | undefined;
  /** Tells the processes of one machine apart. */
  name: string;
};

function refuse(folder: string, cause?: unknown): AgentError {
  return new AgentError("unavailable", `The folder ${folder} cannot be used for archives.`, {
    details: { next: "`export OSSAAT_SPOOL_DIR=FOLDER` with a folder of this process's own" },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Anybody may have made it before: a name below the temporary folder can be guessed. */
function requireOwn(folder: string): void {
  const stats = lstatSync(folder);
  if (!stats.isDirectory() || stats.uid !== process.getuid?.() || (stats.mode & 0o077) !== 0) throw refuse(folder);
}

/** Whether a process other than this one lives and may still use what it named. */
function hasOwner(entry: string): boolean {
  const pid = Number(entry.split("-", 1)[0]);
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Makes the folder and removes what killed processes left in it; gives its path. What a living one has
 * there stays: it has the port that this process is about to ask for in vain.
 * @throws AgentError unavailable
 */
export function openSpoolFolder({ dir, name }: SpoolSettings): string {
  const folder = dir ?? path.join(tmpdir(), `ossaat-${process.getuid?.() ?? 0}-${name}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (dir === undefined) requireOwn(folder);
    const archives = path.join(folder, spoolName);
    mkdirSync(archives, { recursive: true, mode: 0o700 });
    for (const entry of readdirSync(archives)) {
      if (!hasOwner(entry)) rmSync(path.join(archives, entry), { recursive: true, force: true });
    }
    return folder;
  } catch (error) {
    throw error instanceof AgentError ? error : refuse(folder, error);
  }
}

/** Name of the folder of archives below a spool folder. */
const spoolName = "archives";

/** A new path below a spool folder, which tells whose it is. */
export function spoolEntry(folder: string): string {
  return path.join(folder, spoolName, `${process.pid}-${randomUUID()}`);
}
