// What folders take on the disk. Links are counted and never followed.
import fs from "node:fs";
import { Worker } from "node:worker_threads";

export type TreeUse = {
  /** Bytes of the disk's blocks; a file with several names counts once. */
  bytes: number;
  /** Files, folders and links. */
  entries: number;
};

/**
 * Counts, and ends where a bound is passed: what is beyond it is not worth the time. What goes away in
 * between, or is closed to us, takes nothing that we could name.
 * NOTE: its text also runs in a thread, so it uses nothing but its arguments.
 */
function countTree({ lstatSync, readdirSync }: typeof fs, roots: readonly string[], max: TreeUse): TreeUse {
  const slash = Buffer.from("/");
  const linked = new Set<number>();
  const waiting = roots.map((root) => Buffer.from(root));
  let bytes = 0;
  let entries = 0;
  const isOver = () => bytes > max.bytes || entries > max.entries;
  const namesIn = (folder: Buffer) => {
    try {
      return readdirSync(folder, { encoding: "buffer" });
    } catch {
      return [];
    }
  };
  const statsOf = (path: Buffer) => {
    try {
      return lstatSync(path);
    } catch {
      return undefined;
    }
  };
  for (let folder = waiting.pop(); folder !== undefined && !isOver(); folder = waiting.pop()) {
    for (const name of namesIn(folder)) {
      const path = Buffer.concat([folder, slash, name]);
      const stats = statsOf(path);
      entries += 1;
      if (isOver()) break;
      if (stats === undefined) continue;
      if (stats.isDirectory()) waiting.push(path);
      else if (stats.nlink > 1) {
        if (linked.has(stats.ino)) continue;
        linked.add(stats.ino);
      }
      bytes += stats.blocks * 512;
    }
  }
  return { bytes, entries };
}

const workerSource = `
const { parentPort, workerData } = require("node:worker_threads");
const countTree = ${countTree.toString()};
parentPort.postMessage(countTree(require("node:fs"), workerData.roots, workerData.max));
`;

/**
 * Counts what is below the folders, in a thread: a tree of a hundred thousand files takes a second, in
 * which the server has other things to do. A folder that is not there takes nothing.
 */
export function measureTree(roots: readonly string[], max: TreeUse): Promise<TreeUse> {
  const worker = new Worker(workerSource, { eval: true, workerData: { roots, max }, env: {} });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("The count of a working tree ended without a result.")));
  });
}

/** Counts at once, in some milliseconds; undefined when there are more than `maxEntries`. */
export function measureSmallTree(roots: readonly string[], max: TreeUse, maxEntries: number): TreeUse | undefined {
  const use = countTree(fs, roots, { bytes: max.bytes, entries: Math.min(max.entries, maxEntries) });
  return use.entries > maxEntries && use.entries <= max.entries ? undefined : use;
}
