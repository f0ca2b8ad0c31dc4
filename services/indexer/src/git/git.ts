// Reads a repository through git plumbing only. The environment is built from nothing and no
// transport, hook, filter or helper of the repository can run.
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";

import { AgentError } from "@ossaat/contracts";

const switches = [
  "--no-pager",
  "--no-replace-objects",
  "--literal-pathspecs",
  ...[
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.commitGraph=true",
    "log.showSignature=false",
    "safe.directory=*",
    "submodule.recurse=false",
    "diff.external=",
    "diff.ignoreSubmodules=all",
    "diff.orderFile=/dev/null",
    "protocol.allow=never",
  ].flatMap((setting) => ["-c", setting]),
];

const environment = {
  PATH: "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin",
  HOME: "/nonexistent",
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_ATTR_NOSYSTEM: "1",
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  // A promisor remote with a command as its URL must not run.
  GIT_ALLOW_PROTOCOL: "",
  GIT_NO_LAZY_FETCH: "1",
  GIT_NO_REPLACE_OBJECTS: "1",
};

export type GitProcess = {
  child: ChildProcessWithoutNullStreams;
  /** Settles when git ended. @throws AgentError tool_failed on a bad exit code, unavailable when it was killed */
  ended: Promise<void>;
};

const maxErrorChars = 4_096;

function startFailure(error: Error): AgentError {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") {
    const details = { next: "Install git, and check that the repository's folder still exists." };
    return new AgentError("unavailable", "git could not be started for the repository.", { cause: error, details });
  }
  return AgentError.from(error);
}

function failure(command: string, { code, signal }: { code: number | null; signal: string | null }, errors: string) {
  const cause = new Error(errors);
  // Somebody ended it, the machine for want of memory perhaps: that says nothing of the repository.
  if (signal !== null) {
    return new AgentError("unavailable", `git ${command} was ended by ${signal}.`, { cause });
  }
  const message = `git ${command} failed with exit code ${code}: check that the repository and the commit exist.`;
  return new AgentError("tool_failed", message, { cause, details: { retryable: false } });
}

/** Starts git in `root`. The caller reads `child.stdout` and awaits `ended`. */
export function startGit(root: string, args: readonly string[], input = ""): GitProcess {
  const child = spawn("git", [...switches, ...args], { cwd: root, env: environment, stdio: "pipe" });
  let errors = "";
  child.stderr.on("data", (data: Buffer) => {
    if (errors.length < maxErrorChars) errors += data.toString("utf8");
  });
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", (error) => reject(startFailure(error)));
    child.once("close", (code, signal) => {
      if (code === 0) resolve();
      else reject(failure(args[0] ?? "", { code, signal }, errors));
    });
  });
  // Kept handled: the caller awaits it after the output was read.
  ended.catch(() => undefined);
  // git may end before it has read everything; its exit code says why.
  child.stdin.on("error", () => child.stdin.destroy());
  child.stdin.end(input);
  return { child, ended };
}

/** Runs git to its end and returns its output, cut off at `maxBytes` when given. */
export async function readGit(
  root: string,
  args: readonly string[],
  options: { input?: string; maxBytes?: number } = {},
) {
  const { child, ended } = startGit(root, args, options.input);
  const maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of child.stdout) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).length;
    if (bytes > maxBytes) {
      child.kill("SIGKILL");
      return Buffer.concat(parts).subarray(0, maxBytes);
    }
  }
  await ended;
  return Buffer.concat(parts);
}
