// One process of a distributed orchestrator: API, worker or both, on a PostgreSQL that others use
// too, with tool runner and indexer in processes of their own.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import type { ToolService } from "@ossaat/contracts";
import type { CertificateSource, ConnectOptions } from "@ossaat/contracts/grpc";
import { connectIndexer } from "@ossaat/indexer/client";
import { currentTraceparent } from "@ossaat/telemetry";
import { connectToolRunner } from "@ossaat/tool-runner/client";

import { openSpoolFolder } from "../archive/spool-folder.ts";
import { createStoreArtifacts } from "../artifact/adapters/store.ts";
import { systemClock, systemIds } from "../clock.ts";
import type { OrchestratorConfig, ServiceAddress } from "../config.ts";
import { createContextPlanner } from "../context-planner/context-planner.ts";
import { serveProcess } from "../http/serve-process.ts";
import type { Engine } from "../job/engine.ts";
import { takeWorkerName } from "../job/worker-name.ts";
import { createStoreTurnJournal } from "../step/adapters/store-turn-journal.ts";
import { openPostgresStore } from "../store/adapters/postgres.ts";
import type { Store } from "../store/store.ts";
import { composeServer } from "./compose-server.ts";
import { openBroker } from "./open-broker.ts";
import type { Orchestrator, OrchestratorDeps } from "./orchestrator.ts";

const distributedLimits = {
  /** Milliseconds a start waits for the tool runner: all processes of a deployment start at once. */
  runnerWaitMs: 60_000,
  /** Milliseconds between two tries. */
  runnerPauseMs: 500,
  /** Of the drain time, milliseconds in which steps that did not end by themselves give up their leases. */
  giveUpMs: 5_000,
  /** Milliseconds in which the store closes when nothing of the drain time is left. */
  closeMs: 500,
} as const;

export type ProcessParts = {
  certificates: CertificateSource | undefined;
  log: Engine["log"];
  version: string;
  /** Told when an embedded server has taken the database: this process must stop. */
  onTaken(error: AgentError): void;
};

export type OrchestratorProcess = {
  port: number;
  /** Stops claiming, lets running steps end, gives the others back and ends the streams, within the drain time. */
  stop(): Promise<void>;
};

function optionsOf({ token, serverName }: ServiceAddress, certificates: CertificateSource | undefined): ConnectOptions {
  const own = { token, currentTrace: currentTraceparent };
  if (certificates === undefined || serverName === undefined) return own;
  return { ...own, tls: { certificates, serverName } };
}

/** How the tool runner isolates, which every plan names. @throws AgentError unavailable */
async function readSandbox(tools: ToolService, log: Engine["log"]): Promise<OrchestratorDeps["sandbox"]> {
  const until = performance.now() + distributedLimits.runnerWaitMs;
  const told = new Set<string>();
  for (;;) {
    try {
      const { driver, detail } = (await tools.health()).sandbox;
      if (driver !== "unavailable") return driver;
      throw new AgentError("unavailable", `The tool runner has no sandbox. ${detail}`, {
        details: { next: "`ossaat doctor` on the runner's machine says what it lacks" },
      });
    } catch (thrown) {
      const error = AgentError.from(thrown);
      if (performance.now() > until) throw error;
      if (!told.has(error.message)) log.warn({ problem: error.message }, "the tool runner is not ready yet");
      told.add(error.message);
    }
    await sleep(distributedLimits.runnerPauseMs);
  }
}

/** Waits for the work, but not longer than it may take. */
async function within(ms: number, work: Promise<unknown>, onLate: () => void): Promise<void> {
  const timer = new AbortController();
  const late = sleep(ms, "late", { signal: timer.signal }).catch(() => "done");
  if ((await Promise.race([work.then(() => "done"), late])) === "late") onLate();
  timer.abort();
}

/** A port has one process on a machine; one that takes any port is told apart by its id. */
function spoolOf({ port }: OrchestratorConfig): string {
  return port === 0 ? `process-${process.pid}` : String(port);
}

/** Absent where none was given, and for a process that runs no steps. */
async function nameOf({ role, workerName }: OrchestratorConfig, store: Store, log: Engine["log"]) {
  if (workerName === undefined || role === "api") return undefined;
  return takeWorkerName({ store, log, ids: systemIds }, workerName);
}

type Composed = { orchestrator: Orchestrator; closeClients: () => void };

async function compose(config: OrchestratorConfig, store: Store, parts: ProcessParts): Promise<Composed> {
  const { certificates, log, version } = parts;
  const { role } = config;
  const runner = connectToolRunner(config.runner.address, optionsOf(config.runner, certificates));
  const indexer = connectIndexer(config.indexer.address, optionsOf(config.indexer, certificates));
  const closeClients = () => {
    runner.close();
    indexer.close();
  };
  try {
    const openQueue = config.queue === undefined ? undefined : await openBroker(config.queue);
    const sandbox = await readSandbox(runner.tools, log);
    const orchestrator = composeServer(config.rules, {
      store,
      clock: systemClock,
      ids: systemIds,
      rng: Math.random,
      log,
      artifacts: createStoreArtifacts(store),
      journal: createStoreTurnJournal(store),
      tools: runner.tools,
      runnerAddress: config.runner.address,
      workspaces: runner.workspaces,
      index: indexer.index,
      planner: createContextPlanner({ index: indexer.index }),
      models: { env: config.providerEnv, config: config.model, requestLog: config.modelRequestLog },
      sandbox,
      internalKey: config.internalKey,
      version,
      // It keeps nothing of its own but archives on their way.
      stateDir: "",
      spoolDir: role === "worker" ? undefined : openSpoolFolder({ dir: config.spoolDir, name: spoolOf(config) }),
      providerKeys: config.providerKeys,
      role,
      openQueue,
      workerName: await nameOf(config, store, log),
    });
    return { orchestrator, closeClients };
  } catch (error) {
    closeClients();
    throw error;
  }
}

/** Starts the process's part. @throws AgentError unavailable, invalid_input, conflict (newer schema) */
export async function startDistributed(config: OrchestratorConfig, parts: ProcessParts): Promise<OrchestratorProcess> {
  const store = await openPostgresStore({
    url: config.storeUrl,
    slots: config.role === "api" ? undefined : config.rules.slots,
    onTaken: (error) => parts.onTaken(error),
  });
  const { orchestrator, closeClients } = await compose(config, store, parts).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const server = await serveProcess({
    port: config.port,
    ready: () => orchestrator.ready(),
    metrics: () => orchestrator.metrics(),
    api: config.role === "worker" ? undefined : orchestrator.app,
    version: parts.version,
  });
  await orchestrator.start();
  return {
    port: server.port,
    async stop() {
      // One time for all of it: whoever stops the process waits no longer.
      const until = performance.now() + config.drainMs;
      const leftMs = () => Math.max(0, until - performance.now());
      server.drain();
      const served = server.close(leftMs());
      await within(leftMs(), orchestrator.stop(leftMs() - distributedLimits.giveUpMs), () => {
        parts.log.warn({ drainMs: config.drainMs }, "steps still run: their leases end by themselves");
      });
      await served;
      closeClients();
      await within(Math.max(leftMs(), distributedLimits.closeMs), store.close(), () => {
        parts.log.warn({}, "the database did not let go of its connections in time");
      });
    },
  };
}
