// What a box is shown of installed dependencies: the checkout's folders read-only, and around them
// links that make the rest of the project appear where it lies in the checkout.
import { posix } from "node:path";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import type { WorkspaceFiles } from "../files/workspace-files.ts";
import type { RunMounts } from "../sandbox/sandbox.ts";
import { isWithin, projectOf, ruleOf } from "./dependency-folder.ts";
import type { Dependencies } from "./dependency-folder.ts";
import { dependencyLimits } from "./limits.ts";
import { isRealFolder, kindOrMissing, listOrNone } from "./real-folder.ts";

export type MountPlace = {
  /** The working tree, as the host reads it. */
  files: WorkspaceFiles;
  /** The working tree as the run sees it. */
  workspacePath: string;
  /** Where the run sees the checkout's folders. */
  shownAt: string;
  /** Folder the run starts in, relative. */
  cwd: string;
};

/** Folders on the way to the given ones, the top first. */
function foldersAbove(folders: readonly string[]): string[] {
  const above = new Set<string>(["."]);
  for (const folder of folders) {
    const names = folder.split("/").slice(0, -1);
    names.forEach((_name, index) => above.add(names.slice(0, index + 1).join("/")));
  }
  return [...above].sort((a, b) => a.split("/").length - b.split("/").length || (a < b ? -1 : 1));
}

/**
 * Links beside the shown folders to everything else of the project. A package that is reached
 * through a shown folder (a workspace link, an autoloader) is then the working tree's own.
 */
async function mirrorProject(folders: readonly string[], place: MountPlace): Promise<RunMounts["links"]> {
  const { files, workspacePath, shownAt } = place;
  const above = foldersAbove(folders);
  const taken = new Set([...folders, ...above]);
  const links: { target: string; path: string }[] = [];
  for (const folder of above) {
    for (const { name } of await listOrNone(files, folder)) {
      const path = posix.join(folder, name);
      if (taken.has(path)) continue;
      if (links.length >= dependencyLimits.maxMirrorLinks) return links;
      links.push({ target: posix.join(workspacePath, path), path: posix.join(shownAt, path) });
    }
  }
  return links;
}

/** Programs of the dependencies that serve the run's folder, the nearest first. Not the agent's to change. */
function programFolders(folders: readonly string[], { cwd, shownAt }: MountPlace): string[] {
  const programs: Readonly<Record<string, string>> = { node_modules: ".bin", ".venv": "bin", venv: "bin" };
  return folders
    .filter((folder) => isWithin(cwd, projectOf(folder)))
    .sort((a, b) => b.split("/").length - a.split("/").length)
    .flatMap((folder) => {
      const name = programs[ruleOf(folder)?.name ?? ""];
      return name === undefined ? [] : [posix.join(shownAt, folder, name)];
    });
}

async function hiddenFiles(folders: readonly string[], checkout: WorkspaceFiles, shownAt: string): Promise<string[]> {
  const hidden: string[] = [];
  for (const folder of folders) {
    const name = ruleOf(folder)?.hidden;
    if (name === undefined) continue;
    const path = posix.join(folder, name);
    if ((await kindOrMissing(checkout, path)) === "file") hidden.push(posix.join(shownAt, path));
  }
  return hidden;
}

/** The mounts of one run; each folder is looked at again, so that a link in its place is not mounted. */
export async function mountDependencies(dependencies: Dependencies, place: MountPlace): Promise<RunMounts> {
  const { root } = dependencies;
  const { shownAt } = place;
  const checkout = openWorkspaceFiles(root);
  const folders: string[] = [];
  for (const folder of dependencies.folders) if (await isRealFolder(checkout, folder)) folders.push(folder);
  const hasGems = await isRealFolder(checkout, "vendor/bundle");
  return {
    binds: folders.map((folder) => ({ source: posix.join(root, folder), target: posix.join(shownAt, folder) })),
    links: await mirrorProject(folders, place),
    hidden: await hiddenFiles(folders, checkout, shownAt),
    path: programFolders(folders, place),
    // Bundler's own settings, which would say so, may hold passwords and are hidden.
    env: hasGems ? { BUNDLE_PATH: "vendor/bundle" } : {},
    checkout: root,
  };
}
