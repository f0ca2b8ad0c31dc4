// What plans have on the disk beside their results: working trees, what is recorded about them, and
// caches of build tools. For whoever clears it; which plans have ended, only the caller knows.
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

import { createGit } from "../git/git.ts";
import { createLogStore } from "../log/log-store.ts";
import { createWorkspaces } from "./create-workspaces.ts";
import { createFences } from "./fences.ts";
import { createLayout } from "./layout.ts";
import type { Layout } from "./layout.ts";
import { plansWithTrees } from "./list-kept.ts";
import { createKeyedLock } from "./lock.ts";
import { workspacesOfPlan } from "./workspace-record.ts";

export type KeptTrees = {
  /** Ids of plans that have anything here, sorted. */
  list(): Promise<string[]>;
  /** Bytes of the disk that a plan's files take; what cannot be read is left out. */
  measure(planId: string): Promise<number>;
  /** Removes all of a plan. It must have ended; nothing there is no error. */
  remove(planId: string): Promise<void>;
};

/** Size of the unit in which `stat` counts blocks, bytes. */
const blockBytes = 512;

/** One folder after the other: this is a look at a disk, not work that somebody waits for. */
async function bytesOf(root: string): Promise<number> {
  let bytes = 0;
  const waiting = [root];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const folder = path;
    const stats = await lstat(folder).catch(() => undefined);
    if (stats === undefined) continue;
    bytes += stats.blocks * blockBytes;
    if (!stats.isDirectory()) continue;
    const names = await readdir(folder).catch(() => []);
    waiting.push(...names.map((name) => join(folder, name)));
  }
  return bytes;
}

async function foldersOf(layout: Layout, planId: string): Promise<string[]> {
  const workspaces = await workspacesOfPlan(layout, planId);
  return [layout.planDir(planId), layout.planCaches(planId), ...workspaces.map(({ metaDir }) => metaDir)];
}

/** @param stateDir the runner's own state folder */
export function createKeptTrees(stateDir: string): KeptTrees {
  const layout = createLayout(stateDir);
  const lock = createKeyedLock();
  const parts = { git: createGit("git"), layout, lock, logs: createLogStore(layout.logs) };
  const workspaces = createWorkspaces({ ...parts, fences: createFences(parts) });
  return {
    list: () => plansWithTrees(layout),
    async measure(planId) {
      let bytes = 0;
      for (const folder of await foldersOf(layout, planId)) bytes += await bytesOf(folder);
      return bytes;
    },
    remove: (planId) => workspaces.remove({ planId }),
  };
}
