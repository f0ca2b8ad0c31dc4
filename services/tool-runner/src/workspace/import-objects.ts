// Brings a user's objects into our own object folder by hard link: instant for a large local
// repository, and safe from the user's later `git gc`. No git process runs over theirs.
import { constants } from "node:fs";
import { copyFile, link, lstat, mkdir, readFile, readdir, realpath, rename, unlink } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { randomUUID } from "node:crypto";

import { AgentError } from "@ossaat/contracts";

import { importLimits } from "./limits.ts";

const packOrder = [".pack", ".rev", ".idx"];

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

async function list(dir: string): Promise<string[]> {
  return readdir(dir).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
}

/** Links, or copies where a link cannot be made (another disk, another owner's file). */
async function take(source: string, target: string): Promise<void> {
  if (!(await lstat(source)).isFile()) return;
  try {
    await link(source, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return;
    if (code !== "EXDEV" && code !== "EPERM" && code !== "EMLINK" && code !== "EACCES") throw error;
    const temporary = `${target}.${randomUUID()}.tmp`;
    await copyFile(source, temporary, constants.COPYFILE_FICLONE);
    await rename(temporary, target).catch(async (failure: unknown) => {
      await unlink(temporary);
      throw failure;
    });
  }
}

async function takeFolder(source: string, target: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await mkdir(target, { recursive: true });
  const present = new Set(await list(target));
  for (const name of names) {
    if (present.has(name)) continue;
    await take(join(source, name), join(target, name)).catch((error: unknown) => {
      // Their gc may pack or drop a loose object meanwhile; what is needed is checked afterwards.
      if (!isMissing(error)) throw error;
    });
  }
}

/** Object folders that one borrows from. The file is anybody's: too long a one is refused unread. */
async function alternates(objects: string): Promise<string[]> {
  const path = join(objects, "info/alternates");
  const stats = await lstat(path).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (stats === undefined) return [];
  if (!stats.isFile() || stats.size > importLimits.maxAlternatesBytes) throw tooManyAlternates();
  const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => (isAbsolute(line) ? line : resolve(objects, line)));
}

function tooManyAlternates(): AgentError {
  return new AgentError("invalid_input", "The repository borrows objects from too many others.", {
    details: { next: "git repack -a -d && rm .git/objects/info/alternates" },
  });
}

/** Every object folder the first one needs, itself included, each once by its real path. */
async function objectFolders(source: string, signal: AbortSignal | undefined): Promise<Set<string>> {
  const found = new Set<string>();
  let level = [source];
  for (let depth = 0; level.length > 0; depth += 1) {
    const next: string[] = [];
    for (const folder of level) {
      signal?.throwIfAborted();
      const real = await realpath(folder).catch((error: unknown) => {
        // git passes over a folder that is gone, too; what is needed is checked afterwards.
        if (isMissing(error)) return undefined;
        throw error;
      });
      if (real === undefined || found.has(real)) continue;
      found.add(real);
      if (depth > importLimits.maxAlternateDepth || found.size > importLimits.maxAlternates) throw tooManyAlternates();
      next.push(...(await alternates(real)));
    }
    level = next;
  }
  return found;
}

/** Takes packs until no new one appears: their gc may replace packs meanwhile. */
async function takePacks(source: string, target: string): Promise<void> {
  let before = "";
  for (let round = 0; round < importLimits.maxPackRounds; round += 1) {
    const packs = (await list(source)).filter((name) => name.startsWith("pack-")).sort();
    if (round > 0 && packs.join("\n") === before) return;
    before = packs.join("\n");
    // Index last: git looks for the pack as soon as it sees one.
    for (const ending of packOrder) {
      await takeFolder(
        source,
        target,
        packs.filter((name) => name.endsWith(ending)),
      );
    }
  }
}

async function takeObjects(source: string, target: string, signal: AbortSignal | undefined): Promise<void> {
  // Loose objects before packs: a gc moves them that way, never back.
  for (const name of await list(source)) {
    signal?.throwIfAborted();
    if (!/^[0-9a-f]{2}$/u.test(name)) continue;
    const objects = (await list(join(source, name))).filter((object) => /^[0-9a-f]{38,62}$/u.test(object));
    await takeFolder(join(source, name), join(target, name), objects);
  }
  await takePacks(join(source, "pack"), join(target, "pack"));
}

/**
 * Links every object of `source` (and of what it borrows from) into `target`.
 * @throws AgentError invalid_input when it borrows from too many
 */
export async function importObjects(source: string, target: string, signal?: AbortSignal): Promise<void> {
  for (const folder of await objectFolders(source, signal)) await takeObjects(folder, target, signal);
}
