// Memory and process limits through control groups, v1 and v2, when this process may make
// groups. A group is filled before the payload starts and removed after it.
import { mkdir, readFile, readdir, rmdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { isLiving, processName } from "./process-name.ts";
import type { SandboxLimits } from "./sandbox.ts";

const root = "/sys/fs/cgroup";
/** A group is busy for a moment after its last process ended. */
const removeRetries = 40;
const removePauseMs = 25;
/** Age from which a group may be one that was left, ms: a run fills its group in a moment. */
const leftAfterMs = 60_000;

/** Where groups are made, by controller. */
export type CgroupBase = { version: 1 | 2; memory: string; pids: string };

export type Cgroup = {
  add(pid: number): Promise<void>;
  /** The limit the group ran into, if any. */
  limitHit(): Promise<"memory" | "processes" | undefined>;
  remove(): Promise<void>;
};

let made = 0;

/** No group has it: not one of a process before this one either, that was killed and had its number. */
async function nextName(): Promise<string> {
  made += 1;
  const number = made;
  return `ossaat-${await processName()}-${number}`;
}

/** Earlier versions told no start. */
const ownerIn = /^ossaat-(\d+(?:\.\d*)?)-\d+$/u;

async function isLeft(dir: string, owner: string | undefined): Promise<boolean> {
  if (owner === undefined || (await isLiving(owner))) return false;
  const { mtimeMs } = await stat(dir);
  return Date.now() - mtimeMs >= leftAfterMs;
}

/** Removes groups that runners left that were killed. One that holds processes stays, whoever made it. */
export async function removeLeftGroups({ memory, pids }: CgroupBase): Promise<void> {
  for (const base of new Set([memory, pids])) {
    for (const name of await readdir(base)) {
      const dir = join(base, name);
      // Another runner may be doing the same.
      if (await isLeft(dir, ownerIn.exec(name)?.[1]).catch(() => false)) await rmdir(dir).catch(() => undefined);
    }
  }
}

async function writable(dir: string, files: readonly string[]): Promise<boolean> {
  const probe = join(dir, await nextName());
  try {
    await mkdir(probe);
  } catch (error) {
    return isDenied(error);
  }
  try {
    const present = await readdir(probe);
    return files.every((file) => present.includes(file));
  } finally {
    await removeGroup(probe);
  }
}

/** Every failure to make a group means the same: limits go another way. */
function isDenied(_error: unknown): false {
  return false;
}

async function removeGroup(dir: string): Promise<void> {
  for (let attempt = 0; attempt < removeRetries; attempt += 1) {
    try {
      await rmdir(dir);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY") return;
      await sleep(removePauseMs);
    }
  }
}

/** Finds a place where groups with memory and process limits can be made, or undefined. */
export async function findCgroupBase(): Promise<CgroupBase | undefined> {
  const own = await readFile("/proc/self/cgroup", "utf8").catch(() => "");
  const pathOf = (controller: string) =>
    own
      .split("\n")
      .map((line) => line.split(":"))
      .find(([, names]) => (controller === "" ? names === "" : names?.split(",").includes(controller)))?.[2];
  const v1 = { memory: join(root, "memory", pathOf("memory") ?? ""), pids: join(root, "pids", pathOf("pids") ?? "") };
  const hasV1 = (await writable(v1.memory, ["memory.limit_in_bytes"])) && (await writable(v1.pids, ["pids.max"]));
  if (hasV1) return { version: 1, ...v1 };
  const unified = join(root, pathOf("") ?? "");
  for (const dir of [unified, join(unified, ".."), root]) {
    if (dir.startsWith(root) && (await writable(dir, ["memory.max", "pids.max"]))) {
      return { version: 2, memory: dir, pids: dir };
    }
  }
  return undefined;
}

async function counter(file: string, key: string): Promise<number> {
  const text = await readFile(file, "utf8").catch(() => "");
  const line = text.split("\n").find((row) => row.startsWith(`${key} `));
  return Number(line?.split(" ")[1] ?? 0);
}

/** Makes a group with the limits set. The caller adds the process and removes the group. */
export async function createCgroup(base: CgroupBase, limits: SandboxLimits): Promise<Cgroup> {
  const name = await nextName();
  const memory = join(base.memory, name);
  const pids = join(base.pids, name);
  const dirs = [...new Set([memory, pids])];
  for (const dir of dirs) await mkdir(dir);
  const optional = (file: string, value: number) =>
    writeFile(file, String(value)).catch((error: NodeJS.ErrnoException) => {
      // Kernels without swap accounting lack the file; memory alone is limited then.
      if (error.code !== "ENOENT" && error.code !== "EACCES") throw error;
    });
  if (base.version === 1) {
    await writeFile(join(memory, "memory.limit_in_bytes"), String(limits.memoryBytes));
    await optional(join(memory, "memory.memsw.limit_in_bytes"), limits.memoryBytes);
  } else {
    await writeFile(join(memory, "memory.max"), String(limits.memoryBytes));
    await optional(join(memory, "memory.swap.max"), 0);
  }
  await writeFile(join(pids, "pids.max"), String(limits.processes));
  return {
    async add(pid) {
      for (const dir of dirs) await writeFile(join(dir, "cgroup.procs"), String(pid));
    },
    async limitHit() {
      const kills = base.version === 1 ? "memory.oom_control" : "memory.events";
      if ((await counter(join(memory, kills), "oom_kill")) > 0) return "memory";
      return (await counter(join(pids, "pids.events"), "max")) > 0 ? "processes" : undefined;
    },
    async remove() {
      for (const dir of dirs) await removeGroup(dir);
    },
  };
}
