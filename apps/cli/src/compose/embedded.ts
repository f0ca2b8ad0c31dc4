// The embedded stack: gateway, orchestrator, tool runner and indexer in one process.
import { randomBytes } from "node:crypto";
import path from "node:path";

import { createGateway } from "@ossaat/gateway-api";
import { createIndexer } from "@ossaat/indexer";
import {
  createContextPlanner,
  createFileArtifacts,
  createFileSecrets,
  createFileTurnJournal,
  createModels,
  createOrchestrator,
  mintInternalToken,
  openBroker,
  openSpoolFolder,
  openSqliteStore,
  systemClock,
  systemIds,
} from "@ossaat/orchestrator";
import type { Orchestrator, OrchestratorDeps } from "@ossaat/orchestrator";
import { chooseDriver, createDriverTrial, createKeptTrees, createToolRunner } from "@ossaat/tool-runner";
import type { ToolRunnerOptions } from "@ossaat/tool-runner";
import type { RequestHandler } from "express";

import { runnerFolder } from "../config.ts";
import type { Config } from "../config.ts";
import { version } from "../version.ts";
import { restrictModels } from "./restrict-models.ts";

export type StackLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

/** What the orchestrator is composed of. */
export type StackParts = Pick<
  OrchestratorDeps,
  "store" | "clock" | "artifacts" | "tools" | "workspaces" | "journal" | "models"
>;

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
    stack?(parts: StackParts): StackParts;
    runner?: NonNullable<ToolRunnerOptions["arrange"]>;
  };
};

export type EmbeddedStack = {
  handler: RequestHandler;
  activePlans(): Promise<number>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

const dayMs = 24 * 60 * 60 * 1_000;

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

function modelsOf({ providerEnv, model, modelRequestLog, loaded }: Config): OrchestratorDeps["models"] {
  return restrictModels(
    createModels({ env: providerEnv, config: model, requestLog: modelRequestLog }),
    loaded.serverRules,
  );
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
  const { config, sandbox, log, arrange = {} } = options;
  const store = await openStore(options);
  const driver =
    sandbox === "none" ? sandbox : await chooseDriver(config.sandboxDriver, createDriverTrial(config.sandboxImage));
  const secrets = createFileSecrets({ file: config.secretsFile, variable: config.secretVariable });
  const runnerDir = runnerFolder(config);
  const runner = createToolRunner({
    stateDir: runnerDir,
    sandbox: driver,
    image: config.sandboxImage,
    limits: config.treeLimits,
    logger: log,
    egress: { secrets },
    ...(arrange.runner === undefined ? {} : { arrange: arrange.runner }),
  });
  const index = createIndexer({ cacheDir: path.join(config.cacheDir, "index") });
  const internalKey = randomBytes(32);
  const parts: StackParts = {
    store,
    clock: systemClock,
    artifacts: createFileArtifacts(path.join(config.stateDir, "artifacts")),
    tools: runner.tools,
    workspaces: runner.workspaces,
    journal: createFileTurnJournal(path.join(config.stateDir, "turns")),
    models: modelsOf(config),
  };
  const orchestrator = createOrchestrator({
    ...(arrange.stack?.(parts) ?? parts),
    ids: systemIds,
    rng: Math.random,
    openQueue: await queueOf(config),
    log,
    index,
    planner: createContextPlanner({ index }),
    userAgentsDir: config.userAgentsDir,
    policyFiles: config.policyFiles,
    runMode: config.loaded.serverRules.runMode,
    maxOpenSteps: config.maxOpenSteps,
    dispatch: { caps: config.caps },
    budgetCaps: config.loaded.serverRules.budgetCaps,
    sandbox: driver,
    internalKey,
    version,
    stateDir: config.stateDir,
    spoolDir: openSpoolFolder({ dir: config.stateDir, name: "server" }),
    providerKeys: config.providerKeys,
    retention: { keepMs: config.keepDays * dayMs, plansWithTrees: () => createKeptTrees(runnerDir).list() },
    ...(config.slots === undefined ? {} : { slots: config.slots }),
  });
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
