// The state folder must not lie in the repository that is worked on: git would see it, and so would agents.
import { realpathSync } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";

import type { Config } from "../config.ts";

/** The real path of a folder, or of what is there of the way to it. */
function realPath(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    const parent = path.dirname(folder);
    return parent === folder ? folder : path.join(realPath(parent), path.basename(folder));
  }
}

/** @throws AgentError invalid_input when the state folder is the repository or lies in it */
export function requireOutside({ stateDir, remote }: Pick<Config, "stateDir" | "remote">, repository: string): void {
  if (remote !== undefined) return;
  const way = path.relative(realPath(repository), realPath(stateDir));
  if (way === ".." || way.startsWith(`..${path.sep}`) || path.isAbsolute(way)) return;
  throw new AgentError("invalid_input", `The state folder ${stateDir} lies in the repository ${repository}.`, {
    details: { next: "`ossaat down`, then `export OSSAAT_STATE_DIR=FOLDER` with a folder outside of it" },
  });
}
