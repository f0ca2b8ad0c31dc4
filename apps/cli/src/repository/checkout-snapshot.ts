// What files of a checkout were before git wrote to them, so that a write that failed half-way
// can be taken back: neither `git apply` nor `git merge` does so itself.
import { execFile } from "node:child_process";
import { chmod, lstat, mkdir, readFile, readlink, rename, rm, rmdir, symlink, writeFile } from "node:fs/promises";
import type { Stats } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

/** Bytes of git's lists of names held in memory. */
const maxListBytes = 256 * 1024 * 1024;

type Before =
  | { kind: "absent"; missingFolders: readonly string[] }
  | { kind: "file"; mode: number; bytes: Buffer }
  | { kind: "link"; target: Buffer }
  /** A folder, or the like: git writes none of these over a file it knows. */
  | { kind: "other" };

export type CheckoutSnapshot = {
  /** Puts everything back that differs now. @returns the paths for which this failed */
  restore(): Promise<string[]>;
};

/** Names are bytes: each is kept as latin1 text, which loses none. */
const toBytes = (name: string) => Buffer.from(name, "latin1");
const toText = (name: string) => toBytes(name).toString("utf8");

async function list(root: string, args: readonly string[]): Promise<string[]> {
  const options = { encoding: "latin1", maxBuffer: maxListBytes } as const;
  const { stdout } = await promisify(execFile)("git", ["-C", root, ...args], options);
  return stdout.split("\0").filter((entry) => entry !== "");
}

async function statOf(file: Buffer): Promise<Stats | undefined> {
  return lstat(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
}

async function missingFolders(root: string, name: string): Promise<string[]> {
  const missing: string[] = [];
  for (let folder = path.dirname(name); folder !== "."; folder = path.dirname(folder)) {
    if ((await statOf(fileOf(root, folder))) !== undefined) break;
    missing.push(folder);
  }
  return missing;
}

function fileOf(root: string, name: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), toBytes(name)]);
}

async function look(root: string, name: string): Promise<Before> {
  const file = fileOf(root, name);
  const stats = await statOf(file);
  if (stats === undefined) return { kind: "absent", missingFolders: await missingFolders(root, name) };
  if (stats.isSymbolicLink()) return { kind: "link", target: await readlink(file, { encoding: "buffer" }) };
  if (stats.isFile()) return { kind: "file", mode: stats.mode & 0o7777, bytes: await readFile(file) };
  return { kind: "other" };
}

function isSame(before: Before, now: Before): boolean {
  if (before.kind === "file" && now.kind === "file") return before.mode === now.mode && before.bytes.equals(now.bytes);
  if (before.kind === "link" && now.kind === "link") return before.target.equals(now.target);
  return before.kind === now.kind;
}

async function putBack(root: string, name: string, before: Before): Promise<void> {
  const file = fileOf(root, name);
  if (before.kind === "other" || isSame(before, await look(root, name))) return;
  await rm(file, { force: true });
  if (before.kind === "absent") {
    // A folder that holds something else by now stays.
    for (const folder of before.missingFolders) await rmdir(fileOf(root, folder)).catch(() => undefined);
    return;
  }
  await mkdir(fileOf(root, path.dirname(name)), { recursive: true });
  if (before.kind === "link") return symlink(before.target, file);
  await writeFile(file, before.bytes);
  await chmod(file, before.mode);
}

async function indexFile(root: string): Promise<string> {
  const { stdout } = await promisify(execFile)("git", ["-C", root, "rev-parse", "--git-path", "index"]);
  return path.resolve(root, stdout.replace(/\n$/, ""));
}

/** Without bytes where there is none yet. */
type Index = { file: string; bytes: Buffer | undefined };

async function bytesOf(file: string): Promise<Buffer | undefined> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

async function readIndex(root: string): Promise<Index> {
  const file = await indexFile(root);
  return { file, bytes: await bytesOf(file) };
}

/** Put back whole: git may have taken other files out of what is staged, too. */
async function putIndexBack(root: string, { file, bytes }: Index): Promise<void> {
  const now = await bytesOf(file);
  if (bytes === undefined) return rm(file, { force: true });
  if (now !== undefined && bytes.equals(now)) return;
  await writeFile(`${file}.ossaat`, bytes);
  await rename(`${file}.ossaat`, file);
  // Only the times in it: what they are is no part of what was promised.
  await promisify(execFile)("git", ["-C", root, "update-index", "-q", "--refresh"]).catch(() => undefined);
}

/**
 * Remembers what a checkout holds of the files in which two commits differ.
 * @param withIndex remembers what is staged as well
 */
export async function takeSnapshot(
  root: string,
  { from, to, withIndex }: { from: string; to: string; withIndex: boolean },
): Promise<CheckoutSnapshot> {
  const names = await list(root, ["diff", "--name-only", "--no-renames", "--no-relative", "-z", from, to]);
  const before = new Map<string, Before>();
  for (const name of names) before.set(name, await look(root, name));
  const index = withIndex ? await readIndex(root) : undefined;
  return {
    async restore() {
      const left: string[] = [];
      for (const [name, state] of before) {
        await putBack(root, name, state).catch(() => left.push(toText(name)));
      }
      if (index !== undefined) await putIndexBack(root, index).catch(() => left.push(index.file));
      return left;
    },
  };
}

/** Whether nothing stayed changed, as a sentence; with the way out where something did. */
export function describeLeft(root: string, left: readonly string[]): { sentence: string; next?: string } {
  if (left.length === 0) return { sentence: "nothing was changed" };
  const files = left.slice(0, 10).join(", ") + (left.length > 10 ? ` and ${left.length - 10} more` : "");
  return {
    sentence: `these could not be put back as they were in ${root}: ${files}`,
    next: `mend what git names, then \`git -C ${root} status\` shows what is left and \`git restore FILE\` removes it`,
  };
}
