// Rules that hide themselves: a .gitignore file that git ignores by its own word, and with it
// whatever else it names. No comparison of trees would ever show one.
import { posix } from "node:path";

import { splitNul } from "../git/git.ts";
import type { Git } from "../git/git.ts";
import type { OpenWorkspace } from "./workspace-record.ts";

/** Tools hide the caches they make in this way; nothing loads code from there. */
const cacheFolder = /^\.(?:cache|.*[-_]cache)$/u;

/**
 * Those of the given `.gitignore` files (raw paths, relative) that are untracked and hidden by a rule
 * of their own, those of caches left out. What else is hidden is so by a file among them, or by one
 * that comparisons show.
 */
export async function findSelfHiding(
  git: Git,
  { gitDir, dir, indexFile }: OpenWorkspace,
  paths: readonly string[],
): Promise<string[]> {
  if (paths.length === 0) return [];
  // The command takes no literal pathspecs; a path that begins with a dot has no magic either.
  const input = Buffer.from(paths.map((path) => `./${path}\0`).join(""), "latin1");
  const place = { gitDir, workTree: dir, indexFile, input, okCodes: [1] };
  const { stdout } = await git.run(["--no-literal-pathspecs", "check-ignore", "-v", "-z", "--stdin"], place);
  const fields = splitNul(stdout);
  const found: string[] = [];
  for (let at = 0; at + 3 < fields.length; at += 4) {
    const source = fields[at];
    const path = (fields[at + 3] ?? "").slice("./".length);
    if (source === path && !cacheFolder.test(posix.basename(posix.dirname(path)))) found.push(path);
  }
  return found;
}
