// Finds the server to talk to; starts the embedded one in the background when none answers.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { createClient } from "@ossaat/client";
import type { Client, ClientFetch } from "@ossaat/client";
import { AgentError, proveToken } from "@ossaat/contracts";

import { provedNames, serverEnv, settingProofs } from "../config.ts";
import type { Config } from "../config.ts";
import { version } from "../version.ts";
import { httpFetch } from "./http-fetch.ts";
import { readServerFile } from "./server-file.ts";
import type { ServerFile } from "./server-file.ts";

const connectLimits = {
  /** A server that does not answer /healthz in this time is not there, ms. */
  probeMs: 2_000,
  /** Time a new server has to come up, ms. */
  startMs: 20_000,
  /** Pause before a server is started again whose folder was still owned, ms. */
  respawnMs: 2_000,
  /** Bytes of server.log after which it is set aside at the next start. */
  maxLogBytes: 16 * 1024 * 1024,
} as const;

/** Exit code of a server whose state folder another one owns (EX_TEMPFAIL of sysexits.h). */
export const folderOwnedExitCode = 75;

export type StartOptions = {
  /** The server must fit these settings, because something will be started with them; else any will do. */
  mustFit?: boolean;
  dangerouslyNoSandbox?: boolean;
  traceFile?: string;
  /** Told when a server has to be started, which takes a moment. */
  onStart?: () => void;
};

export type Connection = { client: Client; url: string; started: boolean };

/** Whether the server that wrote the file is the one that answers: it has to know the token. */
async function answers({ url, token, pid }: ServerFile): Promise<boolean> {
  if (!isAlive(pid)) return false;
  const challenge = randomBytes(24).toString("hex");
  try {
    const signal = AbortSignal.timeout(connectLimits.probeMs);
    const response = await httpFetch(`${url}/healthz?challenge=${challenge}`, { signal });
    const { proof } = (await response.json()) as { proof?: unknown };
    return proof === proveToken(token, challenge);
  } catch {
    // Nobody there, or somebody who speaks another language: not our server either way.
    return false;
  }
}

/** The embedded server that runs now, if one does. */
export async function findServer(config: Config): Promise<ServerFile | undefined> {
  const file = await readServerFile(config.stateDir);
  return file !== undefined && (await answers(file)) ? file : undefined;
}

function logFilePath(config: Config): string {
  return path.join(config.stateDir, "server.log");
}

async function lastLogLines(config: Config): Promise<string> {
  const text = await readFile(logFilePath(config), "utf8").catch(() => "");
  return text.trimEnd().split("\n").slice(-5).join("\n");
}

function makeFolder(folder: string): void {
  // NOTE: `recursive` spins for ever below folders such as /proc, where nothing can be made.
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) return;
  makeFolder(path.dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

/** @throws AgentError unavailable when the state folder cannot be used */
function openLog(config: Config): number {
  try {
    makeFolder(config.stateDir);
    setLogAside(logFilePath(config));
    return openSync(logFilePath(config), "a", 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new AgentError("unavailable", `The state folder ${config.stateDir} cannot be used (${code ?? "unknown"}).`, {
      details: { next: `ls -ld ${config.stateDir} shows who may use it; OSSAAT_STATE_DIR names another` },
      cause: error,
    });
  }
}

/** Keeps one older log beside the present one. */
function setLogAside(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > connectLimits.maxLogBytes) renameSync(file, `${file}.1`);
}

/** The entry that runs a server in the foreground of its own process. */
const serverEntry = fileURLToPath(new URL("../server-main.ts", import.meta.url));

function spawnServer(config: Config, options: StartOptions): { exited: () => number | null } {
  const log = openLog(config);
  const args = [
    serverEntry,
    ...(options.dangerouslyNoSandbox === true ? ["--dangerously-no-sandbox"] : []),
    ...(options.traceFile === undefined ? [] : ["--trace", path.resolve(options.traceFile)]),
  ];
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ["ignore", log, log],
    cwd: config.stateDir,
    env: serverEnv(config),
  });
  closeSync(log);
  child.unref();
  return { exited: () => child.exitCode };
}

async function startServer(config: Config, options: StartOptions): Promise<ServerFile> {
  options.onStart?.();
  let child = spawnServer(config, options);
  let respawnAt = Number.POSITIVE_INFINITY;
  const end = performance.now() + connectLimits.startMs;
  while (performance.now() < end) {
    const found = await findServer(config);
    if (found !== undefined) return found;
    const exitCode = child.exited();
    if (exitCode !== null && exitCode !== folderOwnedExitCode) break;
    // Another server owns the folder: it is just coming up, or just going down and needs a successor.
    if (exitCode !== null) respawnAt = Math.min(respawnAt, performance.now() + connectLimits.respawnMs);
    if (performance.now() >= respawnAt) {
      child = spawnServer(config, options);
      respawnAt = Number.POSITIVE_INFINITY;
    }
    await sleep(50);
  }
  throw new AgentError("unavailable", `The embedded server did not start.\n${await lastLogLines(config)}`, {
    details: { next: `tail -n 50 ${logFilePath(config)}` },
  });
}

async function requireServerFile(config: Config): Promise<ServerFile> {
  const file = await readServerFile(config.stateDir);
  if (file === undefined) {
    throw new AgentError("unavailable", "The embedded server is not running.", {
      details: { next: "ossaat up --detach" },
    });
  }
  return file;
}

/** The connection was refused, so the request has certainly not arrived. */
function isRefused(error: unknown): boolean {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return (cause as NodeJS.ErrnoException | undefined)?.code === "ECONNREFUSED";
}

/** Sends a request; a server that is gone is started again and asked once more. */
function revivingFetch(config: Config, options: StartOptions): ClientFetch {
  let starting: Promise<ServerFile> | undefined;
  const revive = () =>
    (starting ??= startServer(config, options).finally(() => {
      starting = undefined;
    }));
  return async (request, init) => {
    try {
      return await httpFetch(request, init);
    } catch (error) {
      if (!isRefused(error) || init.signal?.aborted === true) throw error;
      const { url, token } = await revive();
      const { pathname, search } = new URL(request);
      const headers = { ...init.headers, authorization: `Bearer ${token}` };
      return httpFetch(`${url}${pathname}${search}`, { ...init, headers });
    }
  };
}

function clientOf(config: Config, options?: StartOptions): Client {
  return createClient({
    baseUrl: async () => (await requireServerFile(config)).url,
    token: async () => (await requireServerFile(config)).token,
    fetch: options === undefined ? httpFetch : revivingFetch(config, options),
  });
}

/** A client of the embedded server that runs now; it starts none. */
export function runningClient(config: Config): Client {
  return clientOf(config);
}

function connectRemote(remote: NonNullable<Config["remote"]>): Connection {
  const token = remote.token;
  if (token === undefined) {
    throw new AgentError("unauthenticated", "OSSAAT_URL is set, but OSSAAT_TOKEN is not.", {
      details: { next: "`export OSSAAT_TOKEN=…`, or `unset OSSAAT_URL` to use the embedded server" },
    });
  }
  const client = createClient({ baseUrl: () => remote.url, token: () => token, fetch: httpFetch });
  return { client, url: remote.url, started: false };
}

/** Whether the running server lacks something this command brings along. */
async function mustRestart(
  config: Config,
  { client, file, options }: { client: Client; file: ServerFile; options: StartOptions },
): Promise<string | undefined> {
  if (options.mustFit !== true) return undefined;
  const status = await client.status();
  const names = provedNames(config);
  const missing = names.filter((name) => file.settingProofs[name] === undefined);
  const own = settingProofs(config, file.token);
  const changed = names.filter((name) => !missing.includes(name) && file.settingProofs[name] !== own[name]);
  const unsandboxed = status.sandbox.driver === "none";
  const reasons = [
    ...(status.version === version ? [] : [`it runs version ${status.version}, this is ${version}`]),
    ...(missing.length === 0 ? [] : [`it was started without ${missing.join(" and ")}`]),
    ...(changed.length === 0 ? [] : [`it was started with another ${changed.join(" and ")}`]),
    ...(options.dangerouslyNoSandbox === true && !unsandboxed ? ["it was started with the sandbox"] : []),
    ...(options.dangerouslyNoSandbox !== true && unsandboxed ? ["it was started with --dangerously-no-sandbox"] : []),
    ...(options.traceFile === undefined ? [] : ["--trace needs a server of its own"]),
  ];
  if (reasons.length === 0) return undefined;
  if (status.plans.running > 0) {
    throw new AgentError(
      "conflict",
      `The running server does not fit: ${reasons.join("; ")}. It is busy with ${status.plans.running} plan(s).`,
      {
        details: { next: "wait for them, or run `ossaat down` (plans resume later) and try again" },
      },
    );
  }
  return reasons.join("; ");
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Stops the embedded server; running steps are given back and resume later. False when none ran. */
export async function stopServer(config: Config): Promise<boolean> {
  const file = await findServer(config);
  if (file === undefined) return false;
  const { pid } = file;
  process.kill(pid, "SIGTERM");
  const end = performance.now() + connectLimits.startMs;
  while (performance.now() < end && isAlive(pid)) await sleep(50);
  if (!isAlive(pid)) return true;
  throw new AgentError("unavailable", `The server (pid ${pid}) was asked to stop and has not.`, {
    details: { next: `tail -n 50 ${logFilePath(config)}` },
  });
}

/**
 * A client of the user's server, or of the embedded one, which is started when needed.
 * @throws AgentError unavailable, unauthenticated, conflict (busy server that must fit and does not)
 */
export async function connect(config: Config, options: StartOptions = {}): Promise<Connection> {
  if (config.remote !== undefined) return connectRemote(config.remote);
  const running = await findServer(config);
  if (running !== undefined) {
    const client = clientOf(config, options);
    const reason = await mustRestart(config, { client, file: running, options });
    if (reason === undefined) return { client, url: running.url, started: false };
    await stopServer(config);
  }
  const started = await startServer(config, options);
  return { client: clientOf(config, options), url: started.url, started: true };
}
