// The embedded stack: gateway, orchestrator, tool runner and indexer in one process.
import { randomBytes } from "node:crypto";
import path from "node:path";

import { createGateway } from "@ossaat/gateway-api";
import { createIndexer } from "@ossaat/indexer";
import {
  composeServer,
  createContextPlanner,
  createFileArtifacts,
  createFileTurnJournal,
  mintInternalToken,
  openBroker,
  openSpoolFolder,
  openSqliteStore,
  systemClock,
  systemIds,
} from "@ossaat/orchestrator";
import type { ArrangedParts, Orchestrator, OrchestratorDeps, ServerRules } from "@ossaat/orchestrator";
import { createFileSecrets } from "@ossaat/secrets";
import { openToolRunner } from "@ossaat/tool-runner";
import type { RunnerPlace, RunnerRules } from "@ossaat/tool-runner";
import type { RequestHandler } from "express";

import { runnerFolder } from "../config.ts";
import type { Config } from "../config.ts";
import { version } from "../version.ts";

export type StackLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

export type StackOptions = {
  config: Config;
  /** `none` only when the user asked for it by its long name. */
  sandbox: "auto" | "none";
  token: string;
  log: StackLog;
  onActivity: () => void;
  /** Told when another server has taken the database: this one must stop. */
  onTaken: () => void;
  /** Changes parts before they are put together, for a replay and for tests. No setting leads here. */
  arrange?: {
    stack?: (parts: ArrangedParts) => ArrangedParts;
    runner?: NonNullable<RunnerPlace["arrange"]>;
  };
};

export type EmbeddedStack = {
  handler: RequestHandler;
  activePlans(): Promise<number>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

const allowedHosts = ["127.0.0.1", "localhost", "[::1]"];

function gatewayOf(
  { config, token, log, onActivity }: StackOptions,
  orchestrator: Orchestrator,
  internalKey: Uint8Array,
): RequestHandler {
  return createGateway({
    upstream: orchestrator.app,
    mintToken: ({ tenantId, userId, capabilities }) =>
      mintInternalToken({ tenantId, actor: { kind: "user", id: userId }, capabilities }, internalKey),
    token,
    localUser: config.userName,
    allowedHosts,
    version,
    ready: () => orchestrator.ready(),
    metrics: () => orchestrator.metrics(),
    onActivity,
    log,
  });
}

/** What the settings lay down for every plan. */
export function serverRulesOf(config: Config): ServerRules {
  const { runMode, allowedModels, isSandboxRequired, budgetCaps } = config.loaded.serverRules;
  return {
    runMode,
    allowedModels,
    isSandboxRequired,
    budgetCaps,
    maxOpenSteps: config.maxOpenSteps,
    dispatch: { caps: config.caps },
    slots: config.slots,
    keepDays: config.keepDays,
    policyFiles: config.policyFiles,
    userAgentsDir: config.userAgentsDir,
  };
}

function runnerRulesOf({ config, sandbox }: StackOptions): RunnerRules {
  return {
    sandbox: sandbox === "none" ? sandbox : config.sandboxDriver,
    isSandboxRequired: config.loaded.serverRules.isSandboxRequired,
    image: config.sandboxImage,
    treeGib: config.treeGib,
    treeFiles: config.treeFiles,
    secrets: createFileSecrets({ file: config.secretsFile, variable: config.secretVariable }),
  };
}

/** The file in the state folder, or the database that the settings name. */
async function openStore({ config, log, onTaken }: StackOptions): Promise<OrchestratorDeps["store"]> {
  const file = path.join(config.stateDir, "ossaat.db");
  if (config.store === undefined) return openSqliteStore(file);
  const { openOwnedPostgresStore } = await import("@ossaat/orchestrator/postgres");
  return openOwnedPostgresStore({
    url: config.store,
    folderFile: file,
    slots: config.slots,
    onTaken: (error) => {
      log.error({ error }, "the database was taken by another server");
      onTaken();
    },
  });
}

/** The broker that the settings name; undefined = the outbox is the queue. */
async function queueOf({ queue }: Config): Promise<OrchestratorDeps["openQueue"]> {
  return queue === undefined ? undefined : openBroker(queue);
}

/**
 * Opens the state folder and builds the stack.
 * @throws AgentError conflict when another server owns the folder or the database, unavailable
 */
export async function createEmbeddedStack(options: StackOptions): Promise<EmbeddedStack> {
  const { config, log, arrange = {} } = options;
  const store = await openStore(options);
  const { runner, sandbox } = await openToolRunner(runnerRulesOf(options), {
    stateDir: runnerFolder(config),
    logger: log,
    arrange: arrange.runner,
  });
  const index = createIndexer({ cacheDir: path.join(config.cacheDir, "index") });
  const internalKey = randomBytes(32);
  const parts = {
    store,
    clock: systemClock,
    ids: systemIds,
    rng: Math.random,
    artifacts: createFileArtifacts(path.join(config.stateDir, "artifacts")),
    tools: runner.tools,
    workspaces: runner.workspaces,
    journal: createFileTurnJournal(path.join(config.stateDir, "turns")),
    models: { env: config.providerEnv, config: config.model, requestLog: config.modelRequestLog },
    openQueue: await queueOf(config),
    log,
    index,
    planner: createContextPlanner({ index }),
    sandbox,
    internalKey,
    version,
    stateDir: config.stateDir,
    spoolDir: openSpoolFolder({ dir: config.stateDir, name: "server" }),
    providerKeys: config.providerKeys,
    role: undefined,
    workerName: undefined,
    runnerAddress: undefined,
  };
  const orchestrator = composeServer(serverRulesOf(config), parts, arrange.stack);
  return {
    handler: gatewayOf(options, orchestrator, internalKey),
    activePlans: () => orchestrator.activePlans(),
    async start() {
      await runner.clearLeftovers();
      await orchestrator.start();
    },
    async stop() {
      await orchestrator.stop();
      await runner.close();
      await index.close();
      await store.close();
    },
  };
}
