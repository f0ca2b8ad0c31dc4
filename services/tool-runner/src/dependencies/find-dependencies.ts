// Finds what a user has installed in their checkout. Reads names only, follows no link, and runs
// git with our own git dir, so that nothing of the repository's configuration applies.
import { join, posix } from "node:path";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import type { WorkspaceFiles } from "../files/workspace-files.ts";
import { displayPath, splitNul } from "../git/git.ts";
import type { Git } from "../git/git.ts";
import type { UserRepository } from "../workspace/user-repository.ts";
import type { OpenWorkspace } from "../workspace/workspace-record.ts";
import { folderRules, isWithin, ruleOf } from "./dependency-folder.ts";
import type { Dependencies } from "./dependency-folder.ts";
import { dependencyLimits } from "./limits.ts";
import { isRealFolder, kindOrMissing } from "./real-folder.ts";

type Search = { git: Git; workspace: OpenWorkspace; repository: UserRepository };

function depthOf(path: string): number {
  return path === "." ? 0 : path.split("/").length;
}

/** Folders that may hold installed dependencies, by the files the working tree tracks, the top first. */
function candidates(tracked: readonly string[]): string[] {
  const projects = new Map<string, string[]>([[".", []]]);
  for (const path of tracked) {
    const name = posix.basename(path);
    if (!folderRules.some(({ beside }) => beside.test(name))) continue;
    const folder = posix.dirname(path);
    projects.set(folder, [...(projects.get(folder) ?? []), name]);
  }
  const near = [...projects].sort(([a], [b]) => depthOf(a) - depthOf(b) || (a < b ? -1 : 1));
  return near
    .slice(0, dependencyLimits.maxProjects)
    .flatMap(([project, names]) =>
      folderRules
        .filter(({ beside }) => project === "." || names.some((name) => beside.test(name)))
        .map(({ name }) => posix.join(project, name)),
    )
    .filter((path) => depthOf(path) <= dependencyLimits.maxDepth);
}

/** Which of the folders the checkout's ignore rules cover. */
async function ignoredAmong({ git, workspace, repository }: Search, folders: readonly string[]): Promise<Set<string>> {
  if (folders.length === 0) return new Set();
  const ownRules = `core.excludesFile=${join(repository.commonDir, "info/exclude")}`;
  // This command refuses literal pathspecs; an odd name that it cannot take counts as not ignored.
  const check = ["--no-literal-pathspecs", "-c", ownRules, "check-ignore", "-z", "--stdin", "--no-index"];
  const { stdout } = await git.run(check, {
    gitDir: workspace.gitDir,
    workTree: repository.root,
    input: folders.map((folder) => `${folder}\0`).join(""),
    okCodes: [1, 128],
  });
  return new Set(splitNul(stdout).map(displayPath));
}

async function isInstalled(checkout: WorkspaceFiles, folder: string): Promise<boolean> {
  if (!(await isRealFolder(checkout, folder))) return false;
  const proof = ruleOf(folder)?.proof;
  return proof === undefined || (await kindOrMissing(checkout, posix.join(folder, proof))) === "file";
}

/**
 * Real folders of installed dependencies in the user's checkout that the working tree does not
 * track, undefined when there are none.
 */
export async function findDependencies(search: Search): Promise<Dependencies | undefined> {
  const { git, workspace, repository } = search;
  const place = { gitDir: workspace.gitDir, indexFile: workspace.indexFile, workTree: workspace.dir };
  const tracked = splitNul((await git.run(["ls-files", "-z", "-c"], place)).stdout).map(displayPath);
  const checkout = openWorkspaceFiles(repository.root);
  const present: string[] = [];
  for (const folder of candidates(tracked)) if (await isInstalled(checkout, folder)) present.push(folder);
  const doubtful = present.filter((folder) => ruleOf(folder)?.onlyIgnored === true);
  const ignored = await ignoredAmong(search, doubtful);
  const folders: string[] = [];
  for (const folder of present) {
    if (doubtful.includes(folder) && !ignored.has(folder)) continue;
    if (tracked.some((path) => isWithin(path, folder))) continue;
    if (!folders.some((taken) => isWithin(folder, taken))) folders.push(folder);
  }
  if (folders.length === 0) return undefined;
  const kept = folders.slice(0, dependencyLimits.maxFolders);
  return { root: repository.root, folders: kept, omitted: folders.length - kept.length };
}
