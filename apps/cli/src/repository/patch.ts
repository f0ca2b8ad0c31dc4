// A change between two commits as bytes, and its application to a checkout, forth and back.
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

import { describeLeft, takeSnapshot } from "./checkout-snapshot.ts";

/** Bytes of a patch held in memory. */
const maxPatchBytes = 1024 * 1024 * 1024;

/** Text of any encoding, and the same whatever the user's settings of git are. */
export async function readPatch(root: string, from: string, to: string): Promise<Buffer> {
  const settings = ["--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"];
  const args = ["-C", root, "diff", ...settings, "--no-relative", "--full-index", from, to];
  const { stdout } = await promisify(execFile)("git", args, { encoding: "buffer", maxBuffer: maxPatchBytes });
  return stdout;
}

/** Feeds a patch to `git apply`; its message on failure. */
function gitApply(root: string, args: readonly string[], patch: Buffer): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const words = ["-C", root, "apply", "--whitespace=nowarn", ...args, "-"];
    const child = spawn("git", words, { stdio: ["pipe", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString("utf8")));
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0 ? undefined : stderr.trim()));
    child.stdin.on("error", () => undefined);
    child.stdin.end(patch);
  });
}

type Direction = { reverse?: boolean };

const wordsOf = ({ reverse = false }: Direction) => (reverse ? ["--reverse"] : []);

/** Whether a patch could be applied; touches nothing. An empty one fits nowhere. */
export async function fitsCheckout(root: string, patch: Buffer, direction: Direction = {}): Promise<boolean> {
  return (await gitApply(root, [...wordsOf(direction), "--check"], patch)) === undefined;
}

/** Why a patch was not applied. */
export type PatchProblem = {
  /** What is so now, to be told. */
  sentence: string;
  /** Where something stayed changed: how to go on. */
  next?: string;
};

/** Applies the change between two commits, all of it or nothing; a problem when it does not fit or cannot be written. */
export async function applyToCheckout(
  root: string,
  { from, to, ...direction }: { from: string; to: string } & Direction,
): Promise<PatchProblem | undefined> {
  const patch = await readPatch(root, from, to);
  const words = wordsOf(direction);
  const misfit = await gitApply(root, [...words, "--check"], patch);
  if (misfit !== undefined)
    return { sentence: `The change does not fit your checkout; nothing was changed.\n${misfit}` };
  const snapshot = await takeSnapshot(root, { from, to, withIndex: false });
  const failure = await gitApply(root, words, patch);
  if (failure === undefined) return undefined;
  const { sentence, ...next } = describeLeft(root, await snapshot.restore());
  return { sentence: `The change could not be written; ${sentence}.\n${failure}`, ...next };
}
