// Changes refs that nobody but the caller changes, also after a git that was killed while it held
// their lock: git leaves the lock file and refuses the ref from then on.
import { rm, stat } from "node:fs/promises";

import { AgentError } from "@ossaat/contracts";

import type { Git, GitOutput, GitPlace } from "./git.ts";

/** Age at which a lock that several callers share is held by nobody, ms: an update takes milliseconds. */
const staleMs = 10_000;

const refused = /Unable to create '([^']+\.lock)': File exists/u;

/** Locks of a ref belong to its one caller; the list of packed refs is shared. */
async function isAbandoned(lock: string): Promise<boolean> {
  if (!lock.endsWith("packed-refs.lock")) return true;
  const found = await stat(lock).catch(() => undefined);
  return found === undefined || Date.now() - found.mtimeMs > staleMs;
}

/**
 * `git update-ref` with these arguments, in a repository or from a folder of one.
 * @throws AgentError unavailable (a shared lock is held), tool_failed
 */
export async function updateRef(
  git: Git,
  args: readonly string[],
  place: GitPlace & { input?: string },
  okCodes: readonly number[] = [],
): Promise<GitOutput> {
  const first = await git.run(["update-ref", ...args], { ...place, okCodes: [...okCodes, 1, 128] });
  const lock = first.code === 0 ? undefined : refused.exec(first.stderr)?.[1];
  if (lock === undefined) {
    return first.code === 0 || okCodes.includes(first.code)
      ? first
      : git.run(["update-ref", ...args], { ...place, okCodes });
  }
  if (!(await isAbandoned(lock))) throw new AgentError("unavailable", "Another update of git's refs is under way.");
  await rm(lock, { force: true });
  return git.run(["update-ref", ...args], { ...place, okCodes });
}
