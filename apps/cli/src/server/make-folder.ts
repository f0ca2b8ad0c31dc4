// The folders a server needs, made and tried before one is started, so that the error names them.
import { mkdirSync, mkdtempSync, rmdirSync, statSync } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";

import type { Config } from "../config.ts";

/** Makes a folder and those above it. @throws the error of the system */
export function makeFolder(folder: string): void {
  // NOTE: `recursive` spins for ever below folders such as /proc, where nothing can be made.
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolder(path.dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another command may have been quicker.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !statSync(folder).isDirectory()) throw error;
  }
}

/** @throws AgentError unavailable when the cache folder cannot be made or written */
export function requireCacheFolder({ cacheDir }: Pick<Config, "cacheDir">): void {
  try {
    makeFolder(cacheDir);
    rmdirSync(mkdtempSync(path.join(cacheDir, ".probe-")));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new AgentError("unavailable", `The cache folder ${cacheDir} cannot be used (${code ?? "unknown"}).`, {
      details: { next: `ls -ld ${cacheDir} shows who may use it; XDG_CACHE_HOME names another place` },
      cause: error,
    });
  }
}
