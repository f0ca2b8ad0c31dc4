// Brings a user's objects into our own object folder by hard link: instant for a large local
// repository, and safe from the user's later `git gc`. No git process runs over theirs.
import { constants } from "node:fs";
import { copyFile, link, lstat, mkdir, readFile, readdir, rename, unlink } from "node:fs/promises";
import { isAbsolute, join, resolve } from "node:path";
import { randomUUID } from "node:crypto";

import { AgentError } from "@ossaat/contracts";

/** Repositories may borrow objects from others, and those again. */
const maxAlternateDepth = 5;
/** Each round but the first means that a gc ended during the one before. */
const maxPackRounds = 5;
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

async function alternates(objects: string): Promise<string[]> {
  const text = await readFile(join(objects, "info/alternates"), "utf8").catch((error: unknown) => {
    if (isMissing(error)) return "";
    throw error;
  });
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return lines.map((line) => (isAbsolute(line) ? line : resolve(objects, line)));
}

/** Takes packs until no new one appears: their gc may replace packs meanwhile. */
async function takePacks(source: string, target: string): Promise<void> {
  let before = "";
  for (let round = 0; round < maxPackRounds; round += 1) {
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

/** Links every object of `source` (and of what it borrows from) into `target`. */
export async function importObjects(source: string, target: string, depth = 0): Promise<void> {
  if (depth > maxAlternateDepth) {
    throw new AgentError("invalid_input", "The repository borrows objects over too many levels.");
  }
  // Loose objects before packs: a gc moves them that way, never back.
  for (const name of await list(source)) {
    if (!/^[0-9a-f]{2}$/u.test(name)) continue;
    const objects = (await list(join(source, name))).filter((object) => /^[0-9a-f]{38,62}$/u.test(object));
    await takeFolder(join(source, name), join(target, name), objects);
  }
  await takePacks(join(source, "pack"), join(target, "pack"));
  for (const other of await alternates(source)) await importObjects(other, target, depth + 1);
}
