// What folders take on the disk, counted in a thread: a tree of a hundred thousand files takes a
// second, in which the server has other things to do. Links are counted and never followed.
import { Worker } from "node:worker_threads";

export type TreeUse = {
  /** Bytes of the disk's blocks; a file with several names counts once. */
  bytes: number;
  /** Files, folders and links. */
  entries: number;
};

/** Counting ends where a bound is passed: what is beyond it is not worth the time. */
const workerSource = `
const { parentPort, workerData } = require("node:worker_threads");
const { lstatSync, readdirSync } = require("node:fs");
const { roots, max } = workerData;
const slash = Buffer.from("/");
const linked = new Set();
let bytes = 0;
let entries = 0;
const isOver = () => bytes > max.bytes || entries > max.entries;
// What goes away in between, or is closed to us, takes nothing that we could name.
const attempt = (work) => { try { return work(); } catch { return undefined; } };
const waiting = roots.map((root) => Buffer.from(root));
while (waiting.length > 0 && !isOver()) {
  const folder = waiting.pop();
  for (const name of attempt(() => readdirSync(folder, { encoding: "buffer" })) ?? []) {
    const path = Buffer.concat([folder, slash, name]);
    const stats = attempt(() => lstatSync(path));
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
parentPort.postMessage({ bytes, entries });
`;

/** Counts what is below the folders; one that is not there takes nothing. */
export function measureTree(roots: readonly string[], max: TreeUse): Promise<TreeUse> {
  const worker = new Worker(workerSource, { eval: true, workerData: { roots, max }, env: {} });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("The count of a working tree ended without a result.")));
  });
}
