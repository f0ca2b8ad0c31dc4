// The server to talk to: the one the settings name or the embedded one, which is started when none answers.
import { countOf } from "@ossaat/contracts";
import { createClient } from "@ossaat/client";
import type { Client, ClientFetch } from "@ossaat/client";
import { AgentError } from "@ossaat/contracts/errors";

import type { Config } from "../config.ts";
import { version } from "../version.ts";
import { embeddedFetch, httpFetch } from "./http-fetch.ts";
import { findServer, isAlive } from "./find-server.ts";
import { readServerFile, removeServerFile, serverLogPath } from "./server-file.ts";
import type { ServerFile } from "./server-file.ts";
import type { SettingDifferences } from "./setting-differences.ts";
import type { StartOptions } from "./start-server.ts";

const connectLimits = {
  /** Time a server has to go down before it is killed, ms. */
  stopMs: 20_000,
  /** The same for one that does not answer, and for one that was killed, ms. */
  hungStopMs: 5_000,
  /** Time in which the remains of a server that ended are taken away, where somebody does so, ms. */
  reapMs: 3_000,
  /** Time in which a server that was stopped may have a successor, as at a change of settings, ms. */
  successorMs: 3_000,
} as const;

/** Reason in the details of an error when the server was stopped on purpose. */
export const serverStopped = "server_stopped";

export type ConnectOptions = StartOptions & {
  /** The server must fit these settings, because something will be started with them; else any will do. */
  mustFit?: boolean;
};

export type Connection = {
  client: Client;
  url: string;
  started: boolean;
  /** What a person should know of the server before something is started on it. */
  notice?: string | undefined;
};

/** Loaded when a server has to be started. */
async function startServer(config: Config, options: StartOptions): Promise<ServerFile> {
  return (await import("./start-server.ts")).startServer(config, options);
}

async function pause(): Promise<void> {
  const { setTimeout: sleep } = await import("node:timers/promises");
  await sleep(50);
}

/** A server that ends in order takes its file away; one that was killed leaves it, and is started again. */
async function requireServerFile(config: Config): Promise<ServerFile> {
  let file = readServerFile(config.stateDir);
  if (file !== undefined) return file;
  // The clock is asked only now: loading it takes as long as a request.
  const end = performance.now() + connectLimits.successorMs;
  while (file === undefined && performance.now() < end) {
    await pause();
    file = readServerFile(config.stateDir);
  }
  if (file !== undefined) return file;
  throw new AgentError("unavailable", "The server was stopped.", {
    details: { reason: serverStopped, retryable: false, next: "ossaat up --detach" },
  });
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
      return await embeddedFetch(request, init);
    } catch (error) {
      if (!isRefused(error) || init.signal?.aborted === true) throw error;
      const { url, token } = await revive();
      const { pathname, search } = new URL(request);
      const headers = { ...init.headers, authorization: `Bearer ${token}` };
      return embeddedFetch(`${url}${pathname}${search}`, { ...init, headers });
    }
  };
}

function clientOf(config: Config, options?: StartOptions): Client {
  return createClient({
    baseUrl: async () => (await requireServerFile(config)).url,
    token: async () => (await requireServerFile(config)).token,
    fetch: options === undefined ? embeddedFetch : revivingFetch(config, options),
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

type Running = { client: Client; options: ConnectOptions; differences: SettingDifferences };

/** Whether the running server lacks something this command brings along. @throws AgentError conflict */
async function mustRestart({ client, options, differences }: Running): Promise<string | undefined> {
  const status = await client.status();
  const { missing, changed } = differences;
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
      `The running server does not fit: ${reasons.join("; ")}. It is busy with ${countOf(status.plans.running, "plan")}.`,
      {
        details: { next: "wait for them, or run `ossaat down` (plans resume later) and try again" },
      },
    );
  }
  return reasons.join("; ");
}

/** Whether a server ends in time. One that has ended is still there until it is reaped, by whoever does so. */
async function hasEnded(file: ServerFile, withinMs: number): Promise<boolean> {
  const { isServerProcess } = await import("./server-process.ts");
  let end = performance.now() + withinMs;
  let isRunning = true;
  while (isAlive(file.pid) && performance.now() < end) {
    if (isRunning && file.processStart !== undefined && !isServerProcess(file)) {
      isRunning = false;
      end = Math.min(end, performance.now() + connectLimits.reapMs);
    }
    await pause();
  }
  return !isRunning || !isAlive(file.pid);
}

/** Kills a server that does not stop, if it surely is ours; what it did resumes as after a crash. */
async function killServer(config: Config, file: ServerFile): Promise<boolean> {
  const { isServerProcess } = await import("./server-process.ts");
  if (!isServerProcess(file)) return false;
  process.kill(file.pid, "SIGKILL");
  if (!(await hasEnded(file, connectLimits.hungStopMs))) return false;
  removeServerFile(config.stateDir, file.pid);
  return true;
}

/** Stops the embedded server; running steps are given back and resume later. False when none ran. */
export async function stopServer(config: Config): Promise<boolean> {
  const living = await (await import("./hung-server.ts")).findLivingServer(config);
  if (living === undefined) return false;
  const { file, hangs } = living;
  const { pid } = file;
  process.kill(pid, "SIGTERM");
  if (await hasEnded(file, hangs ? connectLimits.hungStopMs : connectLimits.stopMs)) return true;
  if (await killServer(config, file)) return true;
  throw new AgentError("unavailable", `The server (pid ${pid}) was asked to stop and has not.`, {
    details: { next: `tail -n 50 ${serverLogPath(config.stateDir)}` },
  });
}

/** The server that lives, once it answers again; undefined when none lives. @throws AgentError unavailable */
async function awaitHung(config: Config): Promise<ServerFile | undefined> {
  if (readServerFile(config.stateDir) === undefined) return undefined;
  return (await import("./hung-server.ts")).awaitHungServer(config);
}

/**
 * A client of the user's server, or of the embedded one, which is started when needed.
 * @throws AgentError unavailable, unauthenticated, conflict (busy server that must fit and does not)
 */
export async function connect(config: Config, options: ConnectOptions = {}): Promise<Connection> {
  if (config.remote !== undefined) return connectRemote(config.remote);
  const running = (await findServer(config)) ?? (await awaitHung(config));
  if (running !== undefined) {
    const client = clientOf(config, options);
    const { url } = running;
    if (options.mustFit !== true) return { client, url, started: false };
    const { keptNotice, requireSameBackends, settingDifferences } = await import("./setting-differences.ts");
    requireSameBackends(config, running);
    const differences = settingDifferences(config, running);
    const reason = await mustRestart({ client, options, differences });
    if (reason === undefined) return { client, url, started: false, notice: keptNotice(differences.kept) };
    await stopServer(config);
  }
  const started = await startServer(config, options);
  return { client: clientOf(config, options), url: started.url, started: true };
}
