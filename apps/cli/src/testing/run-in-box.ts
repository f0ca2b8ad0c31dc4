// Runs the CLI where parts of the machine look otherwise: files and folders are mounted over by
// bubblewrap, for real and for one process only.
import { spawnSync } from "node:child_process";

import { ossaatEntry } from "./run-ossaat.ts";
import type { Cli, CliResult, Json } from "./run-ossaat.ts";

/** Whether this machine lets bubblewrap mount. */
export const canMount = spawnSync("bwrap", ["--dev-bind", "/", "/", "true"]).status === 0;

/** @param mounts arguments of bwrap after the whole machine was bound */
export function runInBox(
  cli: Cli,
  { cwd, mounts, args }: { cwd: string; mounts: readonly string[]; args: readonly string[] },
): CliResult {
  const words = ["--dev-bind", "/", "/", ...mounts, process.execPath, ossaatEntry, ...args];
  const { status, stdout, stderr } = spawnSync("bwrap", words, { cwd, env: cli.env, encoding: "utf8" });
  return { code: status ?? -1, stdout, stderr };
}

/** Reads what a command printed as one JSON document. */
export function readJson({ code, stdout, stderr }: CliResult): Json {
  try {
    return JSON.parse(stdout);
  } catch (error) {
    throw new Error(`not one JSON document (exit ${code}):\n${stdout}\n${stderr}`, { cause: error });
  }
}
