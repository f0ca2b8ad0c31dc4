// Changes refs that nobody but the caller changes, also after a git that was killed while it held
// their lock: git leaves the lock file and refuses the ref from then on.
import { rm, stat } from "node:fs/promises";

import { AgentError } from "@ossaat/contracts";

import { gitFailure } from "./git.ts";
import type { Git, GitOutput, GitPlace } from "./git.ts";

/** Age at which a lock that several callers share is held by nobody, ms: an update takes milliseconds. */
const staleMs = 10_000;

const refused = /Unable to create '([^']+\.lock)': File exists/u;

/** The lock of a ref that the call names belongs to its one caller; others, as of the list of packed refs, are shared. */
async function isAbandoned(lock: string, named: string): Promise<boolean> {
  const ref = /refs\/.+(?=\.lock$)/u.exec(lock)?.[0];
  if (ref !== undefined && named.split(/\s/u).includes(ref)) return true;
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
  const command = ["update-ref", ...args];
  const first = await git.run(command, { ...place, okCodes: [...okCodes, 1, 128] });
  if (first.code === 0) return first;
  const lock = refused.exec(first.stderr)?.[1];
  if (lock === undefined) {
    if (okCodes.includes(first.code)) return first;
    throw gitFailure(command, first.code, first.stderr);
  }
  if (!(await isAbandoned(lock, `${args.join(" ")} ${place.input ?? ""}`)))
    throw new AgentError("unavailable", "Another update of git's refs is under way.");
  await rm(lock, { force: true });
  return git.run(command, { ...place, okCodes });
}
