// The checkouts that share one repository: its main one and the worktrees linked to it.
import { existsSync, statSync } from "node:fs";
import path from "node:path";

/** Whether git may know of more than one; most repositories have one, and asking git takes longer than a list. */
function mayHaveMore(root: string): boolean {
  const git = statSync(path.join(root, ".git"), { throwIfNoEntry: false });
  return git?.isDirectory() === true ? existsSync(path.join(root, ".git", "worktrees")) : true;
}

/** Top levels of all checkouts that still exist, the given one first. */
export async function linkedCheckouts(root: string): Promise<string[]> {
  if (!mayHaveMore(root)) return [root];
  const { git } = await import("./git.ts");
  const text = await git(root, ["worktree", "list", "--porcelain", "-z"]).catch(() => "");
  const found = text
    .split("\0")
    .flatMap((line) => (line.startsWith("worktree ") ? [line.slice("worktree ".length)] : []))
    .filter((folder) => folder !== root && existsSync(folder));
  return [root, ...found];
}
