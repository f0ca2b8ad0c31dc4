// The git repository a command is called in.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { AgentError } from "@ossaat/contracts";

const run = promisify(execFile);

/** Runs git in a folder and returns its stdout. @throws the child's error with `stderr` and `code` */
export async function git(folder: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run("git", ["-C", folder, ...args], { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

/** Top level of the repository around a folder; undefined outside of one. */
export async function findRepository(folder: string): Promise<string | undefined> {
  try {
    return (await git(folder, ["rev-parse", "--show-toplevel"])).replace(/\n$/, "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new AgentError("unavailable", "git was not found.", {
        details: { next: "apt-get install -y git" },
        cause: error,
      });
    }
    return undefined;
  }
}
