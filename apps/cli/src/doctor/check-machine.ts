// The machine: Node, git, disk, clock.
import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { existsSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";

import type { Config } from "../config.ts";
import { fail, isAtLeast, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { builtAt, doctorLimits, leastVersions } from "./limits.ts";

/** What a program prints; undefined when it cannot be run. */
export async function ask(program: string, args: readonly string[]): Promise<string | undefined> {
  const options = { timeout: doctorLimits.programMs, encoding: "utf8" } as const;
  return promisify(execFile)(program, args, options).then(
    ({ stdout }) => stdout.trim(),
    () => undefined,
  );
}

export function checkNode(version: string): Finding {
  if (isAtLeast(version, leastVersions.node)) return ok("node", version);
  return fail("node", `${version} is too old: ${leastVersions.node} is needed.`, "make setup, in the folder of ossaat");
}

export async function checkGit(): Promise<Finding> {
  const text = await ask("git", ["--version"]);
  if (text === undefined) return fail("git", "It was not found on PATH.", "apt-get install -y git");
  const version = /\d+(?:\.\d+)+/.exec(text)?.[0] ?? "0";
  if (isAtLeast(version, leastVersions.git)) return ok("git", version);
  return fail("git", `${version} is too old: ${leastVersions.git} is needed.`, "apt-get install -y git");
}

/** The nearest folder that exists. */
export function existingParent(folder: string): string {
  for (let at = path.resolve(folder); ; at = path.dirname(at)) {
    if (existsSync(at) || at === path.dirname(at)) return at;
  }
}

const gigabytes = (bytes: number) => `${(bytes / 1024 ** 3).toFixed(1)} GB`;

async function checkDisk(name: string, folder: string): Promise<Finding> {
  const id = `disk ${name}`;
  const { bavail, bsize, ffree, files } = await statfs(existingParent(folder));
  const free = bavail * bsize;
  const message = `${gigabytes(free)} free at ${folder}`;
  const next = `make room, or use another folder`;
  if (files > 0 && ffree === 0) return fail(id, `No file can be made at ${folder}: it has no inode left.`, next);
  if (free < doctorLimits.failFreeBytes) return fail(id, `${message}: nothing can be stored safely.`, next);
  if (free < doctorLimits.warnFreeBytes) return warn(id, `${message}: a run may fill it.`, next);
  return ok(id, message);
}

/** Free room of every folder that is written to. */
export function checkDisks({ stateDir, cacheDir }: Config): Promise<Finding[]> {
  return Promise.all([checkDisk("state", stateDir), checkDisk("cache", cacheDir), checkDisk("temporary", os.tmpdir())]);
}

/** Against what is known to have been: the making of this version, and what the server wrote last. */
export function checkClock({ stateDir }: Pick<Config, "stateDir">, now: number): Finding {
  const next = "timedatectl set-ntp true";
  if (now < Date.parse(builtAt)) {
    return fail("clock", `It shows ${new Date(now).toISOString()}, before this version was made.`, next);
  }
  const files = ["ossaat.db", "ossaat.db-wal", "server.json"].map((name) => path.join(stateDir, name));
  const newest = Math.max(0, ...files.map((file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0));
  const behindMs = newest - now;
  if (behindMs <= doctorLimits.maxSkewMs) return ok("clock", new Date(now).toISOString());
  const minutes = Math.round(behindMs / 60_000);
  return warn("clock", `It is ${minutes} min behind what was written last: it was set back.`, next);
}
