// The folder in which an API process keeps archives while it makes or checks them: its own alone,
// shown to nobody else, and empty when it starts.
import { lstatSync, mkdirSync, rmSync } from "node:fs";
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

/**
 * Makes the folder and removes what a killed process left in it; gives its path.
 * @throws AgentError unavailable
 */
export function openSpoolFolder({ dir, name }: SpoolSettings): string {
  const folder = dir ?? path.join(tmpdir(), `ossaat-${process.getuid?.() ?? 0}-${name}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (dir === undefined) requireOwn(folder);
    const archives = path.join(folder, spoolName);
    rmSync(archives, { recursive: true, force: true });
    mkdirSync(archives, { mode: 0o700 });
    return folder;
  } catch (error) {
    throw error instanceof AgentError ? error : refuse(folder, error);
  }
}

/** Name of the folder of archives below a spool folder. */
export const spoolName = "archives";
