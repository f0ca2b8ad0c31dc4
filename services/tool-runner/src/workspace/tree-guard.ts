// Holds a run to what its working tree may take on the disk. The file system's own counters say
// cheaply when to look at a large one; what is found by looking decides.
import { statfs } from "node:fs/promises";

import { treeGuardLimits } from "./limits.ts";
import { measureSmallTree, measureTree } from "./measure-tree.ts";
import type { TreeUse } from "./measure-tree.ts";

/** What of the tree is too large. */
export type TreeExcess = "disk" | "files";

export type TreeGuard = {
  /** Settles as soon as a bound is passed, and otherwise never. */
  exceeded: Promise<TreeExcess>;
  /** Ends the watch and looks for the last time, where that is needed. */
  finish(): Promise<TreeExcess | undefined>;
};

/** `entries` is not a number where the file system keeps no such counter. */
type Free = { bytes: number; entries: number };
type Measured = { use: TreeUse; free: Free };

async function freeAt(root: string): Promise<Free> {
  const { bavail, bsize, files, ffree } = await statfs(root);
  return { bytes: bavail * bsize, entries: files === 0 ? Number.NaN : ffree };
}

function excessOf(use: TreeUse, max: TreeUse): TreeExcess | undefined {
  if (use.bytes > max.bytes) return "disk";
  return use.entries > max.entries ? "files" : undefined;
}

/** Whether the file system lost more since a count than the tree could still take. */
function isSuspect({ use, free }: Measured, now: Free, max: TreeUse): boolean {
  return free.bytes - now.bytes > max.bytes - use.bytes || free.entries - now.entries > max.entries - use.entries;
}

/** Counts of the trees of late, by their first folder. */
export class TreeGuards {
  readonly #known = new Map<string, Measured>();

  async #measure(roots: readonly string[], max: TreeUse): Promise<TreeUse> {
    const [root = ""] = roots;
    const free = await freeAt(root);
    const use = await measureTree(roots, max);
    this.#note(root, { use, free });
    return use;
  }

  #note(root: string, measured: Measured): void {
    this.#known.delete(root);
    this.#known.set(root, measured);
    for (const oldest of this.#known.keys())
      if (this.#known.size > treeGuardLimits.maxKnown) this.#known.delete(oldest);
  }

  /** What a run left. NOTE: others may free meanwhile what it took, and then the counters say nothing. */
  async #checkLeft(roots: readonly [string, ...string[]], max: TreeUse): Promise<TreeExcess | undefined> {
    const [root] = roots;
    const { smallEntries } = treeGuardLimits;
    if ((this.#known.get(root)?.use.entries ?? 0) > smallEntries) return this.check(roots, max);
    const free = await freeAt(root);
    const use = measureSmallTree(roots, max, smallEntries);
    if (use === undefined) return excessOf(await this.#measure(roots, max), max);
    this.#note(root, { use, free });
    return excessOf(use, max);
  }

  /** Forgets a tree that was made anew. */
  forget(root: string): void {
    this.#known.delete(root);
  }

  /** What is too large before anything runs. */
  async check(roots: readonly [string, ...string[]], max: TreeUse): Promise<TreeExcess | undefined> {
    const known = this.#known.get(roots[0]);
    const now = await freeAt(roots[0]);
    const isCounted = !Number.isNaN(now.entries);
    if (known !== undefined && isCounted && !isSuspect(known, now, max)) return excessOf(known.use, max);
    return excessOf(await this.#measure(roots, max), max);
  }

  /** Watches a run. */
  watch(roots: readonly [string, ...string[]], max: TreeUse): TreeGuard {
    const found = Promise.withResolvers<TreeExcess>();
    let looking: Promise<TreeExcess | undefined> | undefined;
    const restMs = (): number => {
      const isBlind = Number.isNaN(this.#known.get(roots[0])?.free.entries ?? 0);
      return isBlind ? treeGuardLimits.blindLookMs : treeGuardLimits.fullLookMs;
    };
    let lookAt = performance.now() + restMs();
    const look = async (): Promise<TreeExcess | undefined> => {
      const startedAt = performance.now();
      const excess = excessOf(await this.#measure(roots, max), max);
      if (excess !== undefined) found.resolve(excess);
      const now = performance.now();
      lookAt = now + Math.max(restMs(), (now - startedAt) * treeGuardLimits.lookShare);
      return excess;
    };
    const tick = async (): Promise<TreeExcess | undefined> => {
      const known = this.#known.get(roots[0]);
      const isDue = performance.now() >= lookAt || known === undefined;
      return isDue || isSuspect(known, await freeAt(roots[0]), max) ? look() : undefined;
    };
    const timer = setInterval(() => {
      // A tree that goes away under the look is found by the one after.
      looking ??= tick()
        .catch(() => undefined)
        .finally(() => (looking = undefined));
    }, treeGuardLimits.tickMs);
    const finish = async (): Promise<TreeExcess | undefined> => {
      clearInterval(timer);
      return (await looking) ?? this.#checkLeft(roots, max);
    };
    return { exceeded: found.promise, finish };
  }
}
