// The pinned opa: where it is, and how it is called.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/** Version of the compiler, as the Makefile pins it and tools/setup/opa.sh installs it. */
export const opaVersion = process.argv[2] ?? "";

export type Outcome = { ok: boolean; text: string };

/** Where tools/setup/opa.sh puts it. */
function opaPath(): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache");
  return path.join(cache, "ossaat-tools", `opa-${opaVersion}`, "opa");
}

/** @throws Error when opa is not installed */
function requireOpa(): string {
  const opa = opaPath();
  if (existsSync(opa)) return opa;
  throw new Error(`opa ${opaVersion} is not installed at ${opa}: run \`sh tools/setup/opa.sh ${opaVersion}\``);
}

/** Exit status and all output of one call; `opa test` ends with 2 when a test failed. */
export function opaStatus(args: readonly string[], cwd: string): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(requireOpa(), args, { cwd, encoding: "utf8" });
  return { status, text: `${stdout}${stderr}`.trim() };
}

export function runOpa(args: readonly string[], cwd: string): Outcome {
  const { status, text } = opaStatus(args, cwd);
  return { ok: status === 0, text };
}
