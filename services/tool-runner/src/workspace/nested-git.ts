// A repository made inside a working tree (git init, a scaffolding tool) would be recorded as a
// link to a commit nobody has, and its configuration is the agent's. Its git dir is removed, so
// that its files are recorded as plain files.
import { lstat, rm } from "node:fs/promises";

/** `untracked` is git's own list: a name that ends with a slash is a nested repository. */
export async function removeNestedGitDirs(root: string, untracked: readonly string[]): Promise<void> {
  for (const name of untracked) {
    if (!name.endsWith("/")) continue;
    const bytes = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(`${name}.git`, "latin1")]);
    // rm never follows a link, and the folders above were listed by git as real ones.
    const isPresent = await lstat(bytes).then(
      () => true,
      () => false,
    );
    if (isPresent) await rm(bytes, { recursive: true, force: true });
  }
}
