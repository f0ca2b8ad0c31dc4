// A server of the product in a process of its own, with a state folder of its own.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { serverEntry } from "../../apps/cli/src/server/start-server.ts";
import { createClient } from "../../packages/client/src/index.ts";
import type { Client } from "../../packages/client/src/index.ts";

/** A server that is not up by then will not come up, ms. */
const startMs = 60_000;

/** Where things stay that are dear to make: synthetic repositories and compiled modules. */
export const benchCache = path.join(process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache"), "ossaat-bench");

/** A folder of one measurement, with the environment that keeps the product inside of it. */
export type BenchFolder = { folder: string; stateDir: string; env: Record<string, string>; remove(): void };

/** @param parent where it is made */
export function makeBenchFolder(parent = tmpdir()): BenchFolder {
  const folder = mkdtempSync(path.join(parent, "ossaat-bench-"));
  const stateDir = path.join(folder, "state");
  mkdirSync(stateDir, { mode: 0o700 });
  mkdirSync(benchCache, { recursive: true });
  const env = {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: folder,
    XDG_CACHE_HOME: path.join(folder, "cache"),
    XDG_CONFIG_HOME: path.join(folder, "config"),
    OSSAAT_STATE_DIR: stateDir,
    NODE_COMPILE_CACHE: path.join(benchCache, "compile"),
  };
  return { folder, stateDir, env, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export type BenchServer = {
  pid: number;
  child: ChildProcess;
  client: Client;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  stop(): Promise<void>;
};

type ServerFile = { pid: number; url: string; token: string };

function readServerFile(stateDir: string): ServerFile | undefined {
  try {
    return JSON.parse(readFileSync(path.join(stateDir, "server.json"), "utf8")) as ServerFile;
  } catch {
    return undefined;
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  child.kill(signal);
  await exit;
}

/** @throws Error when it does not come up */
export async function startServer(
  { stateDir, env }: Pick<BenchFolder, "stateDir" | "env">,
  nodeFlags: readonly string[] = [],
): Promise<BenchServer> {
  const child = spawn(process.execPath, [...nodeFlags, serverEntry(), "--foreground"], {
    env,
    stdio: nodeFlags.length === 0 ? ["ignore", "ignore", "pipe"] : ["ignore", "ignore", "pipe", "ipc"],
  });
  let said = "";
  child.stderr?.on("data", (data: Buffer) => {
    if (said.length < 4_000) said += data.toString("utf8");
  });
  const until = performance.now() + startMs;
  for (;;) {
    const file = readServerFile(stateDir);
    if (file !== undefined && file.pid === child.pid) {
      const client = createClient({ baseUrl: () => file.url, token: () => file.token });
      return { pid: file.pid, child, client, kill: () => end(child, "SIGKILL"), stop: () => end(child, "SIGTERM") };
    }
    if (child.exitCode !== null || performance.now() > until) {
      await end(child, "SIGKILL");
      throw new Error(`the server did not start: ${said}`);
    }
    await sleep(2);
  }
}

/** Resident memory of a process in MB. */
export function residentMb(pid: number): number {
  const kb = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kb === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kb) / 1024;
}
