// Differences between two trees as data and as bounded unified diffs.
import type { Readable } from "node:stream";

import type { DiffFile } from "@ossaat/contracts";

import { displayPath, splitNul } from "../git/git.ts";
import type { Git } from "../git/git.ts";
import { diffLimits } from "./limits.ts";

const diffArgs = ["diff-tree", "-r", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=none"];

/** A change between two trees; paths are raw (latin1). */
export type TreeChange = {
  path: string;
  oldPath?: string;
  /** A file became a link or the like: a patch shows it as a deletion and an addition. */
  retyped: boolean;
  status: DiffFile["status"];
  oldMode: string;
  newMode: string;
  oldObject: string;
  newObject: string;
};

function statusOf(letter: string): DiffFile["status"] {
  if (letter === "A") return "added";
  if (letter === "D") return "deleted";
  return letter === "R" ? "renamed" : "modified";
}

/** Parses `diff-tree --raw -z`. */
function parseRaw(data: Buffer): TreeChange[] {
  const parts = splitNul(data);
  const changes: TreeChange[] = [];
  for (let index = 0; index < parts.length;) {
    const head = parts[index] ?? "";
    const [oldMode = "", newMode = "", oldObject = "", newObject = "", letters = ""] = head
      .replace(/^:/u, "")
      .split(" ");
    const status = statusOf(letters[0] ?? "");
    const first = parts[index + 1] ?? "";
    const moved = letters.startsWith("R") || letters.startsWith("C");
    const path = moved ? (parts[index + 2] ?? "") : first;
    const retyped = letters.startsWith("T");
    changes.push({
      path,
      ...(moved ? { oldPath: first } : {}),
      retyped,
      status,
      oldMode,
      newMode,
      oldObject,
      newObject,
    });
    index += moved ? 3 : 2;
  }
  return changes;
}

/** Changed paths between two trees; a rename is a deletion and an addition. */
export async function changesBetween(git: Git, gitDir: string, from: string, to: string): Promise<TreeChange[]> {
  if (from === to) return [];
  const { stdout } = await git.run([...diffArgs, "--no-renames", "-z", "--raw", from, to], { gitDir });
  return parseRaw(stdout);
}

type Counts = { additions: number; deletions: number; binary: boolean };

function parseNumstat(data: Buffer): Counts[] {
  const parts = splitNul(data);
  const counts: Counts[] = [];
  for (let index = 0; index < parts.length;) {
    const [additions = "0", deletions = "0", path = ""] = (parts[index] ?? "").split("\t");
    const binary = additions === "-";
    counts.push({ additions: binary ? 0 : Number(additions), deletions: binary ? 0 : Number(deletions), binary });
    index += path === "" ? 3 : 1;
  }
  return counts;
}

type Patch = { text: Buffer; truncated: boolean };

/** Cuts a patch stream into files, keeping at most the limits' bytes of each and of all. */
async function readPatches(stdout: Readable): Promise<Patch[]> {
  const patches: { parts: Buffer[]; bytes: number; truncated: boolean }[] = [];
  let total = 0;
  let rest: Buffer = Buffer.alloc(0);
  const header = Buffer.from("diff --git ");
  const take = (line: Buffer): void => {
    if (line.subarray(0, header.length).equals(header)) patches.push({ parts: [], bytes: 0, truncated: false });
    const patch = patches.at(-1);
    if (patch === undefined || patch.truncated) return;
    if (patch.bytes + line.length > diffLimits.maxFileBytes || total + line.length > diffLimits.maxTotalBytes) {
      patch.truncated = true;
      return;
    }
    patch.parts.push(line);
    patch.bytes += line.length;
    total += line.length;
  };
  for await (const chunk of stdout) {
    let data: Buffer = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      take(data.subarray(0, end + 1));
      data = data.subarray(end + 1);
    }
    // One endless line counts as shown up to the limit, then as left out.
    if (data.length > diffLimits.maxFileBytes) {
      take(data);
      data = Buffer.alloc(0);
    }
    rest = data;
  }
  if (rest.length > 0) take(rest);
  return patches.map(({ parts, truncated }) => ({ text: Buffer.concat(parts), truncated }));
}

/** Files that differ between two trees or commits, renames found, patches bounded. */
export async function diffTrees(
  git: Git,
  gitDir: string,
  range: { from: string; to: string; path?: string | undefined },
): Promise<DiffFile[]> {
  if (range.from === range.to) return [];
  const scope = ["-M", range.from, range.to, ...(range.path === undefined ? [] : ["--", range.path])];
  const call = { gitDir };
  const changes = parseRaw((await git.run([...diffArgs, "-z", "--raw", ...scope], call)).stdout);
  const counts = parseNumstat((await git.run([...diffArgs, "-z", "--numstat", ...scope], call)).stdout);
  const patches = await git.stream([...diffArgs, "-p", ...scope], call, readPatches);
  let next = 0;
  return changes.map((change, index) => {
    const own = patches.slice(next, next + (change.retyped ? 2 : 1));
    next += own.length;
    return {
      path: displayPath(change.path),
      status: change.status,
      ...(change.oldPath === undefined ? {} : { oldPath: displayPath(change.oldPath) }),
      additions: counts[index]?.additions ?? 0,
      deletions: counts[index]?.deletions ?? 0,
      binary: counts[index]?.binary ?? false,
      patch: Buffer.concat(own.map((patch) => patch.text)).toString("utf8"),
      truncated: own.length === 0 || own.some((patch) => patch.truncated),
    };
  });
}
