// Stands in for a folder of installed dependencies in a working tree: a real folder, writable for
// caches, whose entries are links to what the box shows read-only. Never follows a link there.
import { lstat, mkdir, readdir, readlink, symlink, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { isAbsolute, join, posix } from "node:path";

import { at, inFolder, openWorkspaceFiles } from "../files/workspace-files.ts";
import { isWithin, projectOf, ruleOf } from "./dependency-folder.ts";
import type { Dependencies } from "./dependency-folder.ts";
import { dependencyLimits } from "./limits.ts";
import { removeTree } from "../workspace/nested-git.ts";
import { isRealFolder, listOrNone } from "./real-folder.ts";

export type FarmPlace = {
  /** Top level of the user's checkout. */
  root: string;
  /** The working tree. */
  tree: string;
  /** Where a box shows the checkout's folders. */
  shownAt: string;
};

/** A link of the farm: its name in a folder of the farm (`.` or a scope), and where it leads. */
type FarmLink = { scope: string; name: string; target: string };

/** What programs write below node_modules: theirs to make anew in the working tree. */
const cacheName = /^\.(?:cache|tmp|turbo|vite.*|.*[-_]cache)$/u;
const scopeName = /^@[\w.~-]+$/u;

/**
 * A link of the checkout that leads to another place of the project stays the same link, so that a
 * workspace package is the working tree's own. Undefined for one that stays inside `folder`, or leaves.
 */
function projectLink(root: string, folder: string, scope: string, target: string): string | undefined {
  const from = posix.join(folder, scope);
  const path = isAbsolute(target) ? posix.relative(root, target) : posix.join(from, target);
  const leaves = path === ".." || path.startsWith("../") || isAbsolute(path);
  return leaves || isWithin(path, folder) ? undefined : posix.relative(from, path);
}

async function planLinks({ root, shownAt }: FarmPlace, folder: string): Promise<FarmLink[]> {
  const checkout = openWorkspaceFiles(root);
  const isModules = ruleOf(folder)?.name === "node_modules";
  const links: FarmLink[] = [];
  const visit = async (scope: string): Promise<void> => {
    for (const { name, kind } of await listOrNone(checkout, posix.join(folder, scope))) {
      const isLeftOut = kind === "other" || name === ruleOf(folder)?.hidden || (isModules && cacheName.test(name));
      if (isLeftOut || links.length >= dependencyLimits.maxEntries) continue;
      if (isModules && scope === "." && scopeName.test(name) && kind === "folder") {
        await visit(name);
        continue;
      }
      const own = kind === "link" ? await readlink(join(root, folder, scope, name)).catch(() => undefined) : undefined;
      const kept = own === undefined ? undefined : projectLink(root, folder, scope, own);
      links.push({ scope, name, target: kept ?? posix.join(shownAt, folder, scope, name) });
    }
  };
  await visit(".");
  return links;
}

/** Makes a real folder of that name; a link or file in its place was planted and goes. */
async function placeFolder(parent: FileHandle, name: string): Promise<void> {
  const present = await lstat(at(parent, name)).catch(() => undefined);
  if (present?.isDirectory() === true) return;
  if (present !== undefined) await unlink(at(parent, name));
  await mkdir(at(parent, name), 0o755);
}

async function placeLinks(folder: FileHandle, links: ReadonlyMap<string, string>, shownAt: string): Promise<void> {
  const present = await readdir(at(folder, "."), { withFileTypes: true });
  const settled = new Set<string>();
  for (const entry of present) {
    const wanted = links.get(entry.name);
    const found = entry.isSymbolicLink() ? await readlink(at(folder, entry.name)) : undefined;
    const isStale = found !== undefined && wanted === undefined && isWithin(found, shownAt);
    if (found !== undefined && found === wanted) settled.add(entry.name);
    // Whatever stands in a link's place was planted there: a package of that name is the user's.
    else if (wanted !== undefined || isStale) await removeTree(at(folder, entry.name));
  }
  for (const [name, target] of links) if (!settled.has(name)) await symlink(target, at(folder, name));
}

/** Makes or mends every farm of a working tree, or only those that are missing. */
export async function buildFarms(
  dependencies: Dependencies | undefined,
  place: Omit<FarmPlace, "root">,
  which: "all" | "missing",
): Promise<void> {
  const tree = openWorkspaceFiles(place.tree);
  for (const folder of dependencies?.folders ?? []) {
    if (which === "missing" && (await isRealFolder(tree, folder))) continue;
    await buildFarm({ ...place, root: dependencies?.root ?? "" }, folder);
  }
}

/**
 * Makes or mends the farm of one folder. Does nothing when the checkout no longer has the folder
 * or the working tree has no such project.
 */
async function buildFarm(place: FarmPlace, folder: string): Promise<void> {
  const { root, tree, shownAt } = place;
  const project = projectOf(folder);
  if (!(await isRealFolder(openWorkspaceFiles(root), folder))) return;
  if (!(await isRealFolder(openWorkspaceFiles(tree), project))) return;
  const segments = project === "." ? [] : project.split("/");
  for (const name of folder.split("/").slice(segments.length)) {
    await inFolder(tree, segments, {}, (parent) => placeFolder(parent, name));
    segments.push(name);
  }
  const byScope = Map.groupBy(await planLinks(place, folder), ({ scope }) => scope);
  const linksOf = (scope: string) => new Map((byScope.get(scope) ?? []).map(({ name, target }) => [name, target]));
  await inFolder(tree, segments, {}, (open) => placeLinks(open, linksOf("."), shownAt));
  for (const scope of byScope.keys()) {
    if (scope === ".") continue;
    await inFolder(tree, segments, {}, (open) => placeFolder(open, scope));
    await inFolder(tree, [...segments, scope], {}, (open) => placeLinks(open, linksOf(scope), shownAt));
  }
}
