// Plans that have anything on the disk: working trees or caches of build tools.
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import type { Layout } from "./layout.ts";
import { keptLimits } from "./limits.ts";

async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
}

/** Ids, sorted. */
export async function plansWithTrees({ workspaces, caches }: Layout): Promise<string[]> {
  const names = [...(await namesIn(workspaces)), ...(await namesIn(join(caches, "plans")))];
  return [...new Set(names)].toSorted();
}

/** One page of them, those behind `after`. */
export async function listKept(layout: Layout, after = ""): Promise<{ planIds: string[] }> {
  const all = await plansWithTrees(layout);
  return { planIds: all.filter((planId) => planId > after).slice(0, keptLimits.plansAPage) };
}
