// Past commits: subject, time and files. What was changed for a like reason is a strong hint.
import { indexLimits } from "../limits.ts";
import { readGit } from "./git.ts";

export type PastCommit = { subject: string; atSeconds: number; paths: string[] };

const recordMark = "\u0001";

function parseCommit(record: string): PastCommit | undefined {
  const [head = "", ...names] = record.split("\0");
  const space = head.indexOf(" ");
  const paths = names.map((name) => name.replace(/^\n+/u, "")).filter((name) => name !== "");
  if (space < 0 || paths.length === 0 || paths.length > indexLimits.maxFilesPerCommit) return undefined;
  const [subject = ""] = head.slice(space + 1).split("\n", 1);
  const atSeconds = Number(head.slice(0, space));
  return { subject, atSeconds, paths };
}

/** First-parent commits without merges, newest first. Names that are not UTF-8 match nothing. */
export async function readHistory(root: string, commit: string): Promise<PastCommit[]> {
  const count = `--max-count=${indexLimits.maxHistoryCommits}`;
  const ids = await readGit(root, ["rev-list", "--first-parent", "--no-merges", count, commit]);
  const output = await readGit(
    root,
    [
      "diff-tree",
      "--stdin",
      "--root",
      "-r",
      "-z",
      "--no-renames",
      "--name-only",
      "--no-textconv",
      "--no-ext-diff",
    ].concat(`--format=%x01%ct %s`),
    { input: ids.toString("latin1"), maxBytes: indexLimits.maxHistoryBytes },
  );
  const commits: PastCommit[] = [];
  for (const record of output.toString("utf8").split(recordMark)) {
    const past = parseCommit(record);
    if (past !== undefined) commits.push(past);
  }
  return commits;
}
