// One commit replayed on another, as trees only: no working tree, no index, no state in git.
import { displayPath, splitNul } from "../git/git.ts";
import type { Git } from "../git/git.ts";
import { updateRef } from "../git/update-ref.ts";
import { commitTree } from "./commit-tree.ts";
import { refPart } from "./working-tree.ts";

export type Replay =
  | { status: "clean"; tree: string }
  | { status: "conflict"; tree: string; files: string[]; details: string };

const fixedDate = "@0 +0000";

/**
 * Three-way merge of `onto` and `commit` over the commit's parent. `git merge-tree` finds the
 * base by history, so the three trees get a history of their own: two children of one root.
 */
export async function replayCommit(
  git: Git,
  gitDir: string,
  input: { onto: string; commit: string; label: string; workspaceId: string },
): Promise<Replay> {
  const make = (tree: string, parents: readonly string[], message: string) =>
    commitTree(git, gitDir, { tree, parents, message, authorDate: fixedDate, committerDate: fixedDate });
  const treeOf = (commit: string) => git.text(["rev-parse", "--verify", `${commit}^{tree}`], { gitDir });
  const base = await make(await treeOf(`${input.commit}^`), [], "base");
  const ours = await make(await treeOf(input.onto), [base], "ours");
  const theirs = await make(await treeOf(input.commit), [base], "theirs");
  // The names of these refs are what the conflict markers show.
  const prefix = `ossaat/merge/${refPart(input.workspaceId)}`;
  const names = { ours: `${prefix}/merged-so-far`, theirs: `${prefix}/${refPart(input.label)}` };
  await updateRef(git, [`refs/${names.ours}`, ours], { gitDir });
  await updateRef(git, [`refs/${names.theirs}`, theirs], { gitDir });
  const args = ["merge-tree", "--write-tree", "-z", "--name-only", "--messages", names.ours, names.theirs];
  const { code, stdout } = await git.run(args, { gitDir, okCodes: [1] });
  await updateRef(git, ["-d", `refs/${names.ours}`], { gitDir });
  await updateRef(git, ["-d", `refs/${names.theirs}`], { gitDir });
  const parts = splitNul(stdout);
  const tree = parts[0] ?? "";
  if (code === 0) return { status: "clean", tree };
  const filesEnd = parts.indexOf("", 1);
  const files = [...new Set(parts.slice(1, filesEnd < 0 ? undefined : filesEnd).map(displayPath))];
  return { status: "conflict", tree, files, details: conflictDetails(parts.slice(filesEnd + 1)) };
}

/** Messages come as: number of paths, the paths, a short type, the text. */
function conflictDetails(parts: readonly string[]): string {
  const texts: string[] = [];
  for (let index = 0; index < parts.length;) {
    const paths = Number(parts[index]);
    if (!Number.isInteger(paths)) break;
    const text = displayPath(parts[index + paths + 2] ?? "").trim();
    if (text.startsWith("CONFLICT")) texts.push(text);
    index += paths + 3;
  }
  return texts.join("\n").slice(0, 8_192);
}
