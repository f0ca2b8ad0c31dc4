// Links that a run is to see beside the mounted dependencies. A container's root is an image, so
// they lie in a folder of the host that is mounted read-only, with a place for each mount in it.
import { mkdir, mkdtemp, rm, symlink } from "node:fs/promises";
import { dirname, join, posix } from "node:path";

import { boxDependencies } from "./box-arguments.ts";
import type { RunMounts } from "./sandbox.ts";

export type DependencyLinks = { dir: string | undefined; remove(): Promise<void> };

const inDependencies = (path: string) => path.startsWith(`${boxDependencies}/`);

/** Makes the folder; the caller removes it after the run. Without dependencies there is none. */
export async function placeDependencyLinks(
  scratchDir: string,
  mounts: RunMounts | undefined,
): Promise<DependencyLinks> {
  if (mounts === undefined || mounts.binds.length === 0) return { dir: undefined, remove: () => Promise.resolve() };
  const dir = await mkdtemp(join(scratchDir, "deps-"));
  const at = (path: string) => join(dir, posix.relative(boxDependencies, path));
  for (const { target } of mounts.binds) if (inDependencies(target)) await mkdir(at(target), { recursive: true });
  for (const { target, path } of mounts.links) {
    if (!inDependencies(path)) continue;
    await mkdir(dirname(at(path)), { recursive: true });
    await symlink(target, at(path));
  }
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}
