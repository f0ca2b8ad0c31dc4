// The image of a container box. Without one of the user's choice it is empty but for folders and
// links: everything else is the machine's own, mounted read-only, as in a bubblewrap box.
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { sha256Hex } from "@ossaat/contracts";

import { boxDependencies, boxHome, boxWorkspace } from "./box-arguments.ts";
import type { BoxBase } from "./box-arguments.ts";
import { askEngine, callEngine } from "./container-engine.ts";
import type { ContainerEngine } from "./container-engine.ts";
import { engineLimits } from "./limits.ts";

const folders = ["/sbin", "/proc", "/sys", "/dev", "/etc", "/run", "/opt", boxWorkspace, boxDependencies];
/** The engine gives a private folder the mode of the image's own, whatever mode is asked for. */
const privateFolders: Readonly<Record<string, number>> = { "/tmp": 0o1777, [boxHome]: 0o777 };

async function openFolders(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await openFolders(join(folder, entry.name));
  }
}

/** Archive of the empty image: the same bytes on each call, so that its name can be their hash. */
async function packEmptyImage({ links }: BoxBase, scratchDir: string): Promise<Buffer> {
  await mkdir(scratchDir, { recursive: true, mode: 0o700 });
  const root = await mkdtemp(join(scratchDir, "image-"));
  try {
    for (const path of [...folders, ...Object.keys(privateFolders)]) await mkdir(join(root, path), { recursive: true });
    for (const { target, path } of links) {
      await mkdir(dirname(join(root, path)), { recursive: true });
      await symlink(target, join(root, path));
    }
    // The creation mask of this process may have taken bits away.
    await openFolders(root);
    for (const [path, mode] of Object.entries(privateFolders)) await chmod(join(root, path), mode);
    const words = "--create --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0".split(" ");
    const options = { encoding: "buffer", maxBuffer: engineLimits.imageBytes, env: {} } as const;
    return (await promisify(execFile)("/usr/bin/tar", [...words, "--directory", root, "."], options)).stdout;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Name of the empty image, made where the engine does not have it. @throws AgentError unavailable */
export async function ensureEmptyImage(engine: ContainerEngine, base: BoxBase, scratchDir: string): Promise<string> {
  const archive = await packEmptyImage(base, scratchDir);
  const name = `ossaat-box:${sha256Hex(archive).slice(0, 16)}`;
  const { code } = await callEngine(engine, ["image", "inspect", "--format", "{{.Id}}", name]);
  if (code !== 0) await askEngine(engine, ["import", "-", name], archive);
  return name;
}
