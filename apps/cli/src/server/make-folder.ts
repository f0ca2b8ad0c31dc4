// The folders a server needs, made and tried before one is started, so that the error names them.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmdirSync, statSync } from "node:fs";
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

/** Names by which a folder is known to be a state folder. */
const stateNames: ReadonlySet<string> = new Set(["ossaat.db", "server.log", "server.json", "runner", "artifacts"]);

function refuse(stateDir: string, why: string): AgentError {
  return new AgentError("unavailable", `The state folder ${stateDir} ${why}.`, {
    details: { next: `\`export OSSAAT_STATE_DIR=FOLDER\` with a folder of your own, or \`chmod 700 ${stateDir}\`` },
  });
}

/**
 * Makes the state folder private: it holds the server's token, prompts and outputs. A folder that is empty or a
 * state folder already is closed to others; one with other things in it is left as it is.
 *
 * @param self number of the user who asks
 * @returns what was mended, for a person
 * @throws AgentError unavailable when it belongs to somebody else or is open and not only ossaat's
 */
export function requirePrivateFolder(stateDir: string, self = process.getuid?.() ?? 0): string | undefined {
  const { mode, uid } = statSync(stateDir);
  // Root may use what it likes; anybody else cannot keep the owner of a folder out of it.
  if (self !== 0 && uid !== self) throw refuse(stateDir, "belongs to another user");
  if ((mode & 0o077) === 0) return undefined;
  const names = readdirSync(stateDir);
  const isOurs = names.length === 0 || names.some((name) => stateNames.has(name));
  if (!isOurs) throw refuse(stateDir, "is open to other users and holds other things");
  chmodSync(stateDir, 0o700);
  return `The state folder ${stateDir} was open to other users (${(mode & 0o777).toString(8)}); it is closed to them now (700).`;
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
