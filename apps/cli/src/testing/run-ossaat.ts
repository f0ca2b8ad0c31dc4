// Runs the CLI as a process of its own, with a state folder of its own, for end-to-end tests.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const bundled = fileURLToPath(new URL("../../../../.tools/cli/start.cjs", import.meta.url));

/** What the launcher starts: the bundle, which runs the sources when one of them has changed, or the sources. */
export const ossaatEntry = existsSync(bundled) ? bundled : fileURLToPath(new URL("../main.ts", import.meta.url));

export type CliResult = { code: number; stdout: string; stderr: string };

export type Cli = {
  /** Folder that holds state, cache, config and whatever the test makes; removed at the end. */
  folder: string;
  stateDir: string;
  /** Environment of every command. */
  env: Record<string, string>;
  /** Runs one command in `cwd`; never with a terminal. */
  run(cwd: string, args: readonly string[], options?: RunOptions): Promise<CliResult>;
  /** Same, and reads stdout as one JSON document. */
  json(cwd: string, args: readonly string[], options?: RunOptions): Promise<CliResult & { value: Json }>;
  /** pid of the running server, if one runs. */
  serverPid(): Promise<number | undefined>;
  /** Stops the server and removes the folder. */
  close(): Promise<void>;
};

// oxlint-disable-next-line typescript/no-explicit-any -- documents of many shapes, compared by value
export type Json = any;

export type RunOptions = {
  env?: Record<string, string>;
  input?: string | Buffer;
  /** Ends a command that hangs, ms; {@link defaultHangMs} when left out. */
  hangMs?: number;
};

/** A hang is a failure of the test. */
const defaultHangMs = 110_000;

/** Whether an error, or a plan's bad end, was told without what to do next: in no test may one be. */
export function lacksNext({ code, stderr }: CliResult): boolean {
  if (code === 0 || !/^ossaat: /mu.test(stderr)) return false;
  const isPlanEnd = /^Next {6}ossaat /mu.test(stderr);
  return !isPlanEnd && !/^Fault: .+\nNext: .+/mu.test(stderr);
}

function runProcess(
  args: readonly string[],
  options: { cwd: string; env: Record<string, string>; input: string | Buffer; hangMs: number },
): Promise<CliResult> {
  return new Promise((resolve, reject) => {
    const { cwd, env, input, hangMs } = options;
    const child = spawn(process.execPath, [ossaatEntry, ...args], { cwd, env, stdio: "pipe" });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    const timer = setTimeout(() => child.kill("SIGKILL"), hangMs);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString("utf8");
      const stderr = Buffer.concat(err).toString("utf8");
      if (code === null) reject(new Error(`ossaat ${args.join(" ")} ended by ${signal}\n${stderr}`));
      else if (lacksNext({ code, stdout, stderr }))
        reject(new Error(`no Next: after ossaat ${args.join(" ")}\n${stderr}`));
      else resolve({ code, stdout, stderr });
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** @param env more variables for every command */
export async function createCli(env: Record<string, string> = {}): Promise<Cli> {
  const folder = await mkdtemp(path.join(tmpdir(), "ossaat-e2e-"));
  const stateDir = path.join(folder, "state");
  const base = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: folder,
    XDG_CACHE_HOME: path.join(folder, "cache"),
    XDG_CONFIG_HOME: path.join(folder, "config"),
    OSSAAT_STATE_DIR: stateDir,
    // Shared by all commands of all tests, as one user's commands share theirs.
    NODE_COMPILE_CACHE: path.join(tmpdir(), "ossaat-e2e-compile-cache"),
    ...env,
  };
  const run: Cli["run"] = (cwd, args, options = {}) =>
    runProcess(args, {
      cwd,
      env: { ...base, ...options.env },
      input: options.input ?? "",
      hangMs: options.hangMs ?? defaultHangMs,
    });
  const serverPid = async () => {
    const text = await readFile(path.join(stateDir, "server.json"), "utf8").catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as { pid: number }).pid;
  };
  return {
    folder,
    stateDir,
    env: base,
    run,
    async json(cwd, args, options) {
      const result = await run(cwd, [...args, "--json"], options);
      try {
        return { ...result, value: JSON.parse(result.stdout) };
      } catch (error) {
        throw new Error(`not one JSON document (exit ${result.code}):\n${result.stdout}\n${result.stderr}`, {
          cause: error,
        });
      }
    },
    serverPid,
    async close() {
      await run(folder, ["down"]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
