// Runs the embedded stack on a loopback port until it is told to stop or has nothing to do.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import type { Server } from "node:http";

import { listenLocally } from "@ossaat/contracts/http";

import { createEmbeddedStack } from "../compose/embedded.ts";
import type { EmbeddedStack, StackLog, StackOptions } from "../compose/embedded.ts";
import { settingProofs } from "../config.ts";
import type { Config } from "../config.ts";
import { version } from "../version.ts";
import { isServerFileLost, removeServerFile, writeServerFile } from "./server-file.ts";
import { processStart } from "./server-process.ts";

export type ServeOptions = {
  config: Config;
  sandbox: "auto" | "none";
  /** 0 = any free port. */
  port: number;
  /** Stop after this long without a request and without an active plan; undefined = never. */
  idleMs: number | undefined;
  log: StackLog;
  arrange?: StackOptions["arrange"];
};

export type RunningServer = {
  url: string;
  /** Resolves when the server has stopped by itself or by `stop`. */
  stopped: Promise<void>;
  stop(reason: string): Promise<void>;
};

const idleCheckMs = 10_000;

/** How often a server looks whether its folder is still there, ms: soon enough for a person who removed it. */
const folderCheckMs = 3_000;

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function watchIdle(
  stack: EmbeddedStack,
  idleMs: number,
  { lastActivity, stop }: { lastActivity: () => number; stop: () => void },
): Promise<void> {
  if (performance.now() - lastActivity() < idleMs) return;
  if ((await stack.activePlans()) === 0) stop();
}

/**
 * Starts the server and writes its address for clients.
 * @throws AgentError conflict (state folder in use), unavailable (port in use)
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const { config, sandbox, log, idleMs } = options;
  const token = randomBytes(32).toString("base64url");
  let lastActivity = performance.now();
  const stack = await createEmbeddedStack({
    config,
    sandbox,
    token,
    log,
    onActivity: () => (lastActivity = performance.now()),
    onTaken: () => void stop("the database was taken"),
    ...(options.arrange === undefined ? {} : { arrange: options.arrange }),
  });
  const server = createServer(stack.handler as Parameters<typeof createServer>[1]);
  const next = "choose another with `ossaat up --port N`";
  const port = await listenLocally(server, { port: options.port, next }).catch(async (error: unknown) => {
    await stack.stop();
    throw error;
  });
  await stack.start();
  const url = `http://127.0.0.1:${port}`;
  const startedAt = new Date().toISOString();
  const start = processStart(process.pid);
  writeServerFile(config.stateDir, {
    schemaVersion: 1,
    url,
    token,
    pid: process.pid,
    ...(start === undefined ? {} : { processStart: start }),
    version,
    startedAt,
    settingProofs: settingProofs(config, token),
  });
  log.info({ url, stateDir: config.stateDir, sandbox }, "ossaat is up");

  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  let stopping: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  // Nobody finds a server without its file, and what it writes into a removed folder is lost.
  const folderTimer = setInterval(() => {
    if (isServerFileLost(config.stateDir, process.pid)) void stop("its state folder or server.json was removed");
  }, folderCheckMs);
  const stop = (reason: string) =>
    (stopping ??= (async () => {
      log.info({ reason }, "ossaat stops");
      clearInterval(timer);
      clearInterval(folderTimer);
      removeServerFile(config.stateDir, process.pid);
      await closeServer(server);
      await stack.stop();
      resolve();
    })());
  if (idleMs !== undefined) {
    timer = setInterval(
      () => {
        watchIdle(stack, idleMs, { lastActivity: () => lastActivity, stop: () => void stop("idle") }).catch(
          (error: unknown) => log.error({ error }, "idle check failed"),
        );
      },
      Math.min(idleCheckMs, idleMs),
    );
  }
  return { url, stopped, stop };
}
