// The embedded stack: gateway, orchestrator, tool runner and indexer in one process.
import { randomBytes } from "node:crypto";
import path from "node:path";

import type { WorkspaceService } from "@ossaat/contracts";
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
  openSqliteStore,
  systemClock,
  systemIds,
} from "@ossaat/orchestrator";
import type { Orchestrator, OrchestratorDeps } from "@ossaat/orchestrator";
import { chooseDriver, createToolRunner, readHostEnvironment } from "@ossaat/tool-runner";
import type { RequestHandler } from "express";

import type { Config } from "../config.ts";
import { version } from "../version.ts";
import { restrictModels } from "./restrict-models.ts";

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
  /** Parts of another make, for a replay. */
  parts?: { models: OrchestratorDeps["models"]; workspaces(inner: WorkspaceService): WorkspaceService };
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
    onActivity,
    log,
  });
}

function modelsOf({ config, parts }: StackOptions): OrchestratorDeps["models"] {
  if (parts !== undefined) return parts.models;
  const { providerEnv, model, modelRequestLog, loaded } = config;
  return restrictModels(
    createModels({ env: providerEnv, config: model, requestLog: modelRequestLog }),
    loaded.serverRules,
  );
}

/**
 * Opens the state folder and builds the stack.
 * @throws AgentError conflict when another server owns the folder
 */
export async function createEmbeddedStack(options: StackOptions): Promise<EmbeddedStack> {
  const { config, sandbox, log, parts } = options;
  const store = await openSqliteStore(path.join(config.stateDir, "ossaat.db"));
  const driver = sandbox === "none" ? sandbox : await chooseDriver(config.sandboxDriver, readHostEnvironment());
  const secrets = createFileSecrets({ file: config.secretsFile, variable: config.secretVariable });
  const runner = createToolRunner({
    stateDir: path.join(config.stateDir, "runner"),
    sandbox: driver,
    image: config.sandboxImage,
    logger: log,
    egress: { secrets },
  });
  const index = createIndexer({ cacheDir: path.join(config.cacheDir, "index") });
  const internalKey = randomBytes(32);
  const orchestrator = createOrchestrator({
    store,
    clock: systemClock,
    ids: systemIds,
    rng: Math.random,
    artifacts: createFileArtifacts(path.join(config.stateDir, "artifacts")),
    log,
    tools: runner.tools,
    workspaces: parts?.workspaces(runner.workspaces) ?? runner.workspaces,
    index,
    journal: createFileTurnJournal(path.join(config.stateDir, "turns")),
    models: modelsOf(options),
    planner: createContextPlanner({ index }),
    userAgentsDir: config.userAgentsDir,
    policyFiles: config.policyFiles,
    runMode: config.loaded.serverRules.runMode,
    sandbox: driver,
    internalKey,
    version,
    stateDir: config.stateDir,
    providerKeys: config.providerKeys,
    ...(config.slots === undefined ? {} : { slots: config.slots }),
  });
  return {
    handler: gatewayOf(options, orchestrator, internalKey),
    activePlans: () => orchestrator.activePlans(),
    start: () => orchestrator.start(),
    async stop() {
      await orchestrator.stop();
      await runner.close();
      await index.close();
      await store.close();
    },
  };
}
