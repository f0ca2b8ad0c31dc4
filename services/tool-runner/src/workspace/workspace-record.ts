// What is remembered of a working tree, on disk: enough to go on after the process was killed.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";
import { z } from "zod";

import { Dependencies } from "../dependencies/dependency-folder.ts";
import { Gitlink } from "./gitlinks.ts";
import type { Layout } from "./layout.ts";
import type { TreeWatch } from "./nested-git.ts";
import { writeFileAtomic } from "./write-file-atomic.ts";

const WorkspaceRecord = z.looseObject({
  schemaVersion: z.literal(1).default(1),
  workspaceId: z.string(),
  planId: z.string(),
  gitDir: z.string(),
  /** Commit it was opened at. */
  base: z.string(),
  /** Commit the next commit goes on top of: the base, or the result of a merge. */
  tip: z.string(),
  /** What git_diff and git_status compare with; absent = the base. */
  diffBase: z.string().optional(),
  /** What the user has installed in their checkout; absent when nothing was found. */
  dependencies: Dependencies.optional(),
  /** Submodules of the base; absent in records of earlier versions. */
  gitlinks: z.array(Gitlink).optional(),
});
export type WorkspaceRecord = z.infer<typeof WorkspaceRecord>;

/** A working tree with its places filled in. */
export type OpenWorkspace = WorkspaceRecord & {
  dir: string;
  indexFile: string;
  metaDir: string;
  /** Hears of what is found in the tree when git is about to look at it. */
  watch?: TreeWatch;
};

/** Adds where a workspace keeps its things. */
export function withPlaces(layout: Layout, record: WorkspaceRecord): OpenWorkspace {
  const metaDir = layout.metaDir(record.workspaceId);
  return {
    ...record,
    dir: layout.workspaceDir(record.planId, record.workspaceId),
    indexFile: join(metaDir, "index"),
    metaDir,
  };
}

/** The record, or undefined when the workspace was never opened. */
export async function findWorkspace(layout: Layout, workspaceId: string): Promise<OpenWorkspace | undefined> {
  const text = await readFile(join(layout.metaDir(workspaceId), "workspace.json"), "utf8").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  });
  return text === undefined ? undefined : withPlaces(layout, WorkspaceRecord.parse(JSON.parse(text)));
}

/** @throws AgentError not_found */
export async function loadWorkspace(layout: Layout, workspaceId: string): Promise<OpenWorkspace> {
  const found = await findWorkspace(layout, workspaceId);
  if (found !== undefined) return found;
  throw new AgentError("not_found", `There is no workspace ${workspaceId}; open it first.`);
}

export async function saveWorkspace(layout: Layout, record: WorkspaceRecord): Promise<OpenWorkspace> {
  const { workspaceId, planId, gitDir, base, tip, diffBase, dependencies, gitlinks } = record;
  const known = {
    ...(diffBase === undefined ? {} : { diffBase }),
    ...(dependencies === undefined ? {} : { dependencies }),
    ...(gitlinks === undefined ? {} : { gitlinks }),
  };
  const kept: WorkspaceRecord = { schemaVersion: 1, workspaceId, planId, gitDir, base, tip, ...known };
  await writeFileAtomic(join(layout.metaDir(workspaceId), "workspace.json"), JSON.stringify(kept));
  return withPlaces(layout, kept);
}

/** Workspaces of a plan. */
export async function workspacesOfPlan(layout: Layout, planId: string): Promise<OpenWorkspace[]> {
  const ids = await readdir(layout.meta).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  const found = await Promise.all(ids.map((id) => findWorkspace(layout, id)));
  return found.filter((workspace) => workspace?.planId === planId).filter((workspace) => workspace !== undefined);
}
