// One life of the real server: a process that is started, watched and killed by its id.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, readdirSync } from "node:fs";

import type { ServerNews, ServerOrder, ServerSettings } from "./server-settings.ts";

/** How a chaos run starts a server. */
export type ServerEntry = {
  /** Arguments of Node before the settings. */
  argv: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
};

export type ServerProcess = {
  pid: number;
  /** Resolves when it answers requests; undefined = it ended before. */
  ready: Promise<{ url: string; token: string } | undefined>;
  /** The signal that ended it; null = it ended by itself. */
  exited: Promise<NodeJS.Signals | null>;
  isAlive(): boolean;
  order(order: ServerOrder): void;
  kill(signal: NodeJS.Signals): void;
};

export function startServer(entry: ServerEntry, settings: ServerSettings, logFile: string): ServerProcess {
  const log = openSync(logFile, "a");
  const child: ChildProcess = spawn(process.execPath, [...entry.argv, JSON.stringify(settings)], {
    stdio: ["ignore", log, log, "ipc"],
    env: { ...entry.env },
  });
  closeSync(log);
  const exited = once(child, "exit").then(([, signal]) => signal as NodeJS.Signals | null);
  const told = new Promise<{ url: string; token: string }>((resolve) => {
    child.on("message", (news: ServerNews) => resolve(news.ready));
  });
  // A message to a process that has just died is no error here.
  child.on("error", () => undefined);
  return {
    pid: child.pid ?? 0,
    ready: Promise.race([told, exited.then(() => undefined)]),
    exited,
    isAlive: () => child.exitCode === null && child.signalCode === null,
    order: (order) => void child.send(order, () => undefined),
    kill: (signal) => void child.kill(signal),
  };
}

/** Words with which a process was started, joined by blanks; empty when it has ended. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Processes that a process of ours has started, directly or not. */
export function descendants(pid: number): number[] {
  let children: number[];
  try {
    children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    // It ended while it was looked at.
    return [];
  }
  return [...children, ...children.flatMap(descendants)];
}
