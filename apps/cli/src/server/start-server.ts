// Starts the embedded server in the background.
import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, renameSync, statSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { AgentError } from "@ossaat/contracts/errors";

import { serverEnv } from "../config.ts";
import type { Config } from "../config.ts";
import { findServer } from "./find-server.ts";
import { makeFolder, requireCacheFolder, requirePrivateFolder } from "./make-folder.ts";
import { serverLogPath } from "./server-file.ts";
import type { ServerFile } from "./server-file.ts";

const startLimits = {
  /** Time a new server has to come up, ms. */
  startMs: 20_000,
  /** Pause before a server is started again whose folder was still owned, ms. */
  respawnMs: 2_000,
  /** Lines at the end of server.log in which the reason of a failed start is looked for: a stack may follow it. */
  reasonLines: 60,
  /** Bytes of server.log after which it is set aside at the next start. */
  maxLogBytes: 16 * 1024 * 1024,
} as const;

/** Exit code of a server whose state folder another one owns (EX_TEMPFAIL of sysexits.h). */
export const folderOwnedExitCode = 75;

export type StartOptions = {
  dangerouslyNoSandbox?: boolean;
  traceFile?: string;
  /** Told when a server has to be started, which takes a moment. */
  onStart?: () => void;
  /** Told what was put right before the start. */
  onMend?: (what: string) => void;
};

/** What the server that did not come up said last: its own error if it has one, else the end of its log. */
function startFailure(config: Config): AgentError {
  const file = serverLogPath(config.stateDir);
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const { message, next } = lastWords(text);
  return new AgentError("unavailable", `The embedded server did not start${message}`, {
    details: { next: next ?? `tail -n 50 ${file}` },
  });
}

/** The reason in a server's log, as the end of a sentence, and what it advises. */
export function lastWords(log: string): { message: string; next?: string } {
  const lines = log.trimEnd().split("\n").slice(-startLimits.reasonLines);
  const at = lines.findLastIndex((line) => line.startsWith("ossaat: "));
  if (at < 0) return { message: `.\n${lines.slice(-5).join("\n")}` };
  const next = lines.slice(at).find((line) => line.startsWith("Next: "));
  const message = `: ${lines[at]?.slice("ossaat: ".length) ?? ""}`;
  return next === undefined ? { message } : { message, next: next.slice("Next: ".length) };
}

/** @throws AgentError unavailable when the state folder cannot be used */
function openLog(config: Config, { onMend }: StartOptions): number {
  try {
    makeFolder(config.stateDir);
    const mended = requirePrivateFolder(config.stateDir);
    if (mended !== undefined) onMend?.(mended);
    setLogAside(serverLogPath(config.stateDir));
    return openSync(serverLogPath(config.stateDir), "a", 0o600);
  } catch (error) {
    if (error instanceof AgentError) throw error;
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
  if (size > startLimits.maxLogBytes) renameSync(file, `${file}.1`);
}

/** Bundle of the server, which looks by itself whether it is still made of these sources. */
const bundledServer = fileURLToPath(new URL("../../../../.tools/cli/server.cjs", import.meta.url));
const serverSource = fileURLToPath(new URL("../server-main.ts", import.meta.url));

/** The file that runs a server in the foreground of its own process. */
export function serverEntry(): string {
  return existsSync(bundledServer) ? bundledServer : serverSource;
}

function spawnServer(config: Config, options: StartOptions): { exited: () => number | null } {
  requireCacheFolder(config);
  const log = openLog(config, options);
  const args = [
    serverEntry(),
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

/** @throws AgentError unavailable when it does not come up */
export async function startServer(config: Config, options: StartOptions): Promise<ServerFile> {
  options.onStart?.();
  let child = spawnServer(config, options);
  let respawnAt = Number.POSITIVE_INFINITY;
  const end = performance.now() + startLimits.startMs;
  while (performance.now() < end) {
    const found = await findServer(config);
    if (found !== undefined) return found;
    const exitCode = child.exited();
    if (exitCode !== null && exitCode !== folderOwnedExitCode) break;
    // Another server owns the folder: it is just coming up, or just going down and needs a successor.
    if (exitCode !== null) respawnAt = Math.min(respawnAt, performance.now() + startLimits.respawnMs);
    if (performance.now() >= respawnAt) {
      child = spawnServer(config, options);
      respawnAt = Number.POSITIVE_INFINITY;
    }
    await sleep(50);
  }
  throw startFailure(config);
}
