// What files of a checkout were before git wrote to them, so that a write that failed half-way
// can be taken back: neither `git apply` nor `git merge` does so itself.
import { execFile, spawn } from "node:child_process";
import { chmod, lstat, mkdir, readFile, readlink, rm, rmdir, symlink, writeFile } from "node:fs/promises";
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

/** Entries of the index as `git update-index --index-info` takes them. */
async function indexEntries(root: string, names: ReadonlySet<string>, idLength: number): Promise<string> {
  const entries = await list(root, ["ls-files", "--stage", "-z"]);
  const kept = entries.filter((entry) => names.has(entry.slice(entry.indexOf("\t") + 1)));
  const gone = [...names].map((name) => `0 ${"0".repeat(idLength)}\t${name}\0`);
  return [...gone, ...kept.map((entry) => `${entry}\0`)].join("");
}

function feed(root: string, args: readonly string[], input: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["-C", root, ...args], { stdio: ["pipe", "ignore", "ignore"] });
    child.on("error", reject);
    child.on("close", (code) => resolve(code === 0));
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/**
 * Remembers what a checkout holds of the files in which two commits, named by whole ids, differ.
 * @param withIndex remembers their entries in the index as well
 */
export async function takeSnapshot(
  root: string,
  { from, to, withIndex }: { from: string; to: string; withIndex: boolean },
): Promise<CheckoutSnapshot> {
  const names = await list(root, ["diff", "--name-only", "--no-renames", "--no-relative", "-z", from, to]);
  const before = new Map<string, Before>();
  for (const name of names) before.set(name, await look(root, name));
  const readIndex = () => indexEntries(root, new Set(names), from.length);
  const index = withIndex ? await readIndex() : undefined;
  return {
    async restore() {
      const left: string[] = [];
      for (const [name, state] of before) {
        await putBack(root, name, state).catch(() => left.push(toText(name)));
      }
      if (index === undefined || (await readIndex()) === index) return left;
      const isRestored = await feed(root, ["update-index", "-z", "--index-info"], toBytes(index));
      if (!isRestored) left.push(".git/index");
      // Only the times in it: what they are is no part of what was promised.
      await feed(root, ["update-index", "-q", "--refresh"], Buffer.alloc(0));
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
