// Host-side git. Every call runs with an environment built from nothing and switches that keep
// a repository's own configuration, hooks, filters and helpers from running anything.
import { spawn } from "node:child_process";
import { Readable, pipeline } from "node:stream";

import { AgentError, diskFullError } from "@ossaat/contracts";

/** Where a call works. Without `gitDir` git finds the repository from `cwd` (a user's own). */
export type GitPlace = {
  gitDir?: string;
  workTree?: string;
  indexFile?: string;
  objectDir?: string;
  cwd?: string;
};

export type GitCall = GitPlace & {
  /** What git reads; a stream is handed on as it comes. */
  input?: string | Buffer | Readable;
  env?: Readonly<Record<string, string>>;
  /** Exit codes that are answers, not failures; 0 always is. */
  okCodes?: readonly number[];
  maxBytes?: number;
  signal?: AbortSignal | undefined;
};

export type GitOutput = { code: number; stdout: Buffer; stderr: string };

export type Git = {
  /** Runs git to its end. @throws AgentError tool_failed on another exit code. */
  run(args: readonly string[], call?: GitCall): Promise<GitOutput>;
  /** Standard output as text without the last line end. */
  text(args: readonly string[], call?: GitCall): Promise<string>;
  /** Hands standard output to `consume`, which may stop early by returning. */
  stream<T>(args: readonly string[], call: GitCall, consume: (stdout: Readable) => Promise<T>): Promise<T>;
};

/** Largest answer read into memory; larger ones are streamed. */
const maxAnswerBytes = 64 * 1024 * 1024;
const maxErrorBytes = 16 * 1024;

const switches = [
  "--literal-pathspecs",
  "--no-pager",
  ...["core.hooksPath=/dev/null", "core.fsmonitor=false", "core.untrackedCache=false", "core.pager=cat"].flatMap(
    (setting) => ["-c", setting],
  ),
  ...["safe.bareRepository=explicit", "safe.directory=*", "core.sshCommand=false"].flatMap((setting) => [
    "-c",
    setting,
  ]),
  ...["core.quotePath=false", "core.logAllRefUpdates=false", "submodule.recurse=false", "gc.auto=0"].flatMap(
    (setting) => ["-c", setting],
  ),
  // What the event log names must be there after a power cut, too. Only calls that write pay for it.
  ...["core.fsync=objects,reference", "core.fsyncMethod=batch"].flatMap((setting) => ["-c", setting]),
  ...["maintenance.auto=false", "diff.external=", "diff.ignoreSubmodules=all", "protocol.allow=never"].flatMap(
    (setting) => ["-c", setting],
  ),
];

function environment(call: GitCall): Record<string, string> {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: "/nonexistent",
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_OPTIONAL_LOCKS: "0",
    // No transport at all: a promisor remote with a command as its URL must not run.
    GIT_ALLOW_PROTOCOL: "",
    GIT_NO_LAZY_FETCH: "1",
    GIT_NO_REPLACE_OBJECTS: "1",
    ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
    ...(call.workTree === undefined ? {} : { GIT_WORK_TREE: call.workTree }),
    ...(call.indexFile === undefined ? {} : { GIT_INDEX_FILE: call.indexFile }),
    ...(call.objectDir === undefined ? {} : { GIT_OBJECT_DIRECTORY: call.objectDir }),
    ...call.env,
  };
}

async function collect(stream: Readable, maxBytes: number): Promise<{ data: Buffer; complete: boolean }> {
  const parts: Buffer[] = [];
  let bytes = 0;
  let complete = true;
  for await (const part of stream) {
    const data = part as Buffer;
    if (bytes + data.length > maxBytes) complete = false;
    else parts.push(data);
    bytes += data.length;
  }
  return { data: Buffer.concat(parts), complete };
}

/** Makes the runner for a git program. */
export function createGit(gitPath: string): Git {
  function start(args: readonly string[], call: GitCall) {
    const child = spawn(gitPath, [...switches, ...args], {
      cwd: call.cwd ?? call.workTree ?? call.gitDir ?? "/",
      env: environment(call),
      stdio: ["pipe", "pipe", "pipe"],
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    });
    const exit = new Promise<number>((resolve, reject) => {
      let failure: Error | undefined;
      child.once("error", (error) => {
        // NOTE: one that was told to stop lives on for a moment, and takes its lock files away as it ends:
        // by then they could be those of the next call.
        failure = error;
        if (child.pid === undefined) reject(error);
      });
      child.once("close", (code) => (failure === undefined ? resolve(code ?? killedCode) : reject(failure)));
    });
    // Kept handled: the caller awaits it after the output was read.
    exit.catch(() => undefined);
    // git may end before it has read everything; its exit code says why.
    child.stdin.on("error", () => child.stdin.destroy());
    if (call.input instanceof Readable) pipeline(call.input, child.stdin, () => undefined);
    else child.stdin.end(call.input ?? "");
    return { child, exit };
  }

  async function run(args: readonly string[], call: GitCall = {}): Promise<GitOutput> {
    const { child, exit } = start(args, call);
    const [stdout, stderr, code] = await Promise.all([
      collect(child.stdout, call.maxBytes ?? maxAnswerBytes),
      collect(child.stderr, maxErrorBytes),
      exit.catch((error: unknown) => {
        throw startFailure(error);
      }),
    ]);
    const text = stderr.data.toString("utf8");
    if (!stdout.complete) throw new AgentError("limit_exceeded", `git ${args[0] ?? ""} gave too much output.`);
    if (code !== 0 && !(call.okCodes ?? []).includes(code)) throw gitFailure(args, code, text);
    return { code, stdout: stdout.data, stderr: text };
  }

  return {
    run,
    async text(args, call) {
      const { stdout } = await run(args, call);
      return stdout.toString("utf8").replace(/\n$/u, "");
    },
    async stream(args, call, consume) {
      const { child, exit } = start(args, call);
      const errors = collect(child.stderr, maxErrorBytes);
      const result = await consume(child.stdout).catch((error: unknown) => {
        child.kill("SIGKILL");
        throw error;
      });
      const stoppedEarly = !child.stdout.readableEnded;
      if (stoppedEarly) child.kill("SIGKILL");
      const code = await exit.catch((error: unknown) => {
        throw startFailure(error);
      });
      if (code !== 0 && !stoppedEarly) throw gitFailure(args, code, (await errors).data.toString("utf8"));
      return result;
    },
  };
}

function startFailure(error: unknown): AgentError {
  if ((error as NodeJS.ErrnoException).code === "ENOENT") {
    const details = { next: "apt-get install -y git" };
    return new AgentError("unavailable", "git is not installed.", { cause: error, details });
  }
  return AgentError.from(error);
}

/** Stands for the exit code of a program that a signal ended. */
const killedCode = -1;

/** What git says, in the C locale, when it could not write. */
const noSpace = /No space left on device|Disk quota exceeded/u;

/** What a run of git that was not accepted means. Its message names no path; the text of git is the cause, for the log. */
export function gitFailure(args: readonly string[], code: number, stderr: string): AgentError {
  if (noSpace.test(stderr)) return diskFullError(new Error(stderr));
  if (code === killedCode) {
    return new AgentError("unavailable", `git ${args[0] ?? ""} was ended by a signal.`, { cause: new Error(stderr) });
  }
  return new AgentError("tool_failed", `git ${args[0] ?? ""} failed with exit code ${code}.`, {
    cause: new Error(stderr),
    details: { retryable: false },
  });
}

/** Splits NUL-separated output. Names stay as latin1 text, which keeps bytes that are not UTF-8. */
export function splitNul(data: Buffer): string[] {
  const parts = data.toString("latin1").split("\0");
  if (parts.at(-1) === "") parts.pop();
  return parts;
}

/** A path as one visible line: a name with control characters is shown quoted. */
export function linePath(path: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
  return /[\u0000-\u001f\u007f-\u009f]/u.test(path) ? JSON.stringify(path) : path;
}

/** A raw (latin1) name as text for people; bytes that are not UTF-8 become U+FFFD. */
export function displayPath(raw: string): string {
  return Buffer.from(raw, "latin1").toString("utf8");
}
