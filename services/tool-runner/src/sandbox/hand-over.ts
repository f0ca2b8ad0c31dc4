// A working tree whose commands run as another user of the machine is given to that user.
import { execFile } from "node:child_process";
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

import { AgentError } from "@ossaat/contracts";

import { boxUid } from "./box-arguments.ts";
import { ownTreeEntries } from "./limits.ts";

/** Looks at every entry, as far as they are few. @throws Error of the file system, as for a path that is too long */
function areTheirs(workspaceDir: string): boolean {
  const paths = [workspaceDir];
  for (let path = paths.pop(), seen = 1; path !== undefined; path = paths.pop(), seen += 1) {
    const stats = lstatSync(path);
    if (stats.uid !== boxUid || stats.gid !== boxUid || seen + paths.length > ownTreeEntries) return false;
    if (!stats.isDirectory()) continue;
    for (const name of readdirSync(path, "buffer")) {
      // A name that is no UTF-8 would be another one here; find takes it as it is.
      const text = name.toString("utf8");
      if (!Buffer.from(text).equals(name)) return false;
      paths.push(join(path, text));
    }
  }
  return true;
}

/** Whether a small tree is theirs as a whole: to see so takes less than to start find. */
function isTheirs(workspaceDir: string): boolean {
  try {
    return areTheirs(workspaceDir);
  } catch {
    // Whatever it is: find gets along with it, or says what is wrong.
    return false;
  }
}

async function chownTree(workspaceDir: string): Promise<void> {
  const words = `( ! -uid ${boxUid} -o ! -gid ${boxUid} ) -exec /usr/bin/chown -h ${boxUid}:${boxUid} -- {} +`;
  await promisify(execFile)("/usr/bin/find", ["-P", workspaceDir, ...words.split(" ")], { env: {} });
}

/**
 * Gives to the box's user whatever in a working tree is not theirs yet. Links are not followed, and
 * no box is alive on the tree. What is theirs keeps its change time, by which git knows it unread.
 */
export async function handOver(workspaceDir: string): Promise<void> {
  try {
    if (!isTheirs(workspaceDir)) await chownTree(workspaceDir);
  } catch (cause) {
    throw new AgentError("unavailable", "The working tree cannot be given to the sandbox's user.", { cause });
  }
}
