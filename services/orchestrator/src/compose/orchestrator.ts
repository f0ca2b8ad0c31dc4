// Builds the orchestrator from its ports: the API, the worker and the sweeps.
import type { Budget, EventData, IndexService, RunMode, ToolService, WorkspaceService } from "@ossaat/contracts";
import express, { Router } from "express";
import type { Express } from "express";

import { createAgentCatalog } from "../agent/agent-catalog.ts";
import { agentRoutes } from "../agent/routes.ts";
import { approvalRoutes } from "../approval/routes.ts";
import { archiveRoutes } from "../archive/routes.ts";
import { artifactRoutes } from "../artifact/routes.ts";
import { toTimestamp } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { createEventBus } from "../event/event-bus.ts";
import { eventRoutes } from "../event/routes.ts";
import { shareWakes } from "../event/share-wakes.ts";
import { errorHandler, identityOf } from "../http/respond.ts";
import { tenantRoutes } from "../http/tenant-routes.ts";
import type { TenantRoutes } from "../http/tenant-routes.ts";
import { readInternalToken, requireCapability } from "../identity/identity.ts";
import type { DispatchRules } from "../job/dispatch-rules.ts";
import type { Engine } from "../job/engine.ts";
import { holdClockFor } from "../job/follow-clock.ts";
import type { JobQueue } from "../job/job-queue.ts";
import { queueRoutes } from "../job/routes.ts";
import { resumeWork } from "../job/resume-work.ts";
import { createCleaner, createSweeper } from "../job/sweeper.ts";
import type { CleanUp } from "../job/sweeper.ts";
import { StepStopped, createWorker } from "../job/worker.ts";
import type { Worker } from "../job/worker.ts";
import { createMetrics } from "../metrics/create-metrics.ts";
import { createAnswerSweep } from "../plan/forget-answers.ts";
import { recordMissing } from "../plan/record-plan.ts";
import { planRoutes } from "../plan/routes.ts";
import type { PlanRouteDeps } from "../plan/routes.ts";
import { createPolicies } from "../policy/policies.ts";
import { policyRoutes } from "../policy/routes.ts";
import type { PolicyFiles } from "../policy/policies.ts";
import type { Models } from "../provider/models.ts";
import { reconcileRoutes } from "../reconcile/routes.ts";
import { clearEnded, createRetentionSweep } from "../step/clear-ended.ts";
import { createStepRunner } from "../step/run-step.ts";
import type { ContextPlanner, PlanningDeps } from "../step/run-planning-step.ts";
import { createQueueParts } from "./queue-parts.ts";
import type { OpenQueue, QueueParts } from "./queue-parts.ts";
import { countActive, readStatus } from "./read-status.ts";
import { defaultPool } from "../step/step-rows.ts";
import type { TurnJournal } from "../step/turn-journal.ts";

const orchestratorLimits = {
  /** Bytes of one request body. */
  maxBodyBytes: 1024 * 1024,
  /** Steps one process runs at once. */
  slots: 4,
} as const;

export type OrchestratorDeps = Pick<Engine, "store" | "clock" | "ids" | "rng" | "artifacts" | "log"> & {
  tools: ToolService;
  /** Where the tool runner listens, for a person whom it does not answer; absent = in this process. */
  runnerAddress?: string | undefined;
  workspaces: WorkspaceService;
  index: IndexService;
  models: Models;
  journal: TurnJournal;
  planner: ContextPlanner;
  /** Folder of the user's own agents. */
  userAgentsDir?: string | undefined;
  /** Policy files of the admin and the user. */
  policyFiles?: PolicyFiles | undefined;
  runMode?: RunMode | undefined;
  sandbox: EventData<"plan.created">["sandbox"];
  /** No call runs on a tool runner without a sandbox; absent = it may. */
  isSandboxRequired?: boolean | undefined;
  /** Caps that hold for every plan, whoever asks for it. */
  budgetCaps?: Budget | undefined;
  /** Unfinished steps that one tenant may have; absent = the default. */
  maxOpenSteps?: number | undefined;
  /** Weights of tenants; absent = all are equal. */
  dispatch?: DispatchRules | undefined;
  /** Key of the internal tokens the gateway mints. */
  internalKey: Uint8Array;
  version: string;
  stateDir: string;
  /** Where archives lie while they are made or checked; absent = the state folder. */
  spoolDir?: string | undefined;
  /** Names of the vendors' variables that are set. */
  providerKeys: readonly string[];
  slots?: number | undefined;
  /** Absent = the outbox is the queue. */
  openQueue?: OpenQueue | undefined;
  /** `api` runs no step, `worker` answers no request; absent = both. */
  role?: "api" | "worker" | "all" | undefined;
  /** A name that no other running worker has; absent = one made up. */
  workerName?: string | undefined;
  /** How long the working trees of plans without success stay, ms; absent = for ever. */
  keepTreesMs?: number | undefined;
};

export type Orchestrator = {
  app: Express;
  start(): Promise<void>;
  /**
   * Stops claiming and gives back running steps unharmed.
   * @param finishMs time that running steps have to get to the end of a turn or a call, or to their own, before
   * they are cut, ms; absent = none
   */
  stop(finishMs?: number): Promise<void>;
  /** The routes of {@link app} as a tenant has them. */
  routesOf(tenantId: string): Router;
  /** Plans that a worker is or will be busy with. */
  activePlans(): Promise<number>;
  /** What a scrape is answered, in the text format of Prometheus. Never rejects. */
  metrics(): Promise<string>;
  ready(): Promise<void>;
};

function createRoutes(deps: OrchestratorDeps, engine: Engine, queue: JobQueue): TenantRoutes {
  const startedAt = toTimestamp(deps.clock.now());
  const agents = createAgentCatalog({ index: deps.index, userDir: deps.userAgentsDir });
  const policies = createPolicies({ index: deps.index, files: deps.policyFiles, runMode: deps.runMode });
  return tenantRoutes(engine, (own) => {
    const routeDeps: PlanRouteDeps = { ...deps, engine: own, agents, policies };
    const router = Router();
    router.use(planRoutes(routeDeps));
    router.use(eventRoutes(own));
    router.use(approvalRoutes(own));
    router.use(artifactRoutes({ read: own.store.read, artifacts: own.artifacts, workspaces: deps.workspaces }));
    router.use(archiveRoutes({ ...deps, engine: own, spoolDir: deps.spoolDir ?? deps.stateDir }));
    router.use(policyRoutes(routeDeps));
    router.use(agentRoutes({ agents, workspaces: deps.workspaces }));
    router.use(queueRoutes({ engine: own, queue, pools: [defaultPool] }));
    router.use(reconcileRoutes({ ...deps, engine: own, processRead: deps.store.read }));
    router.get("/status", async (_request, response) => {
      const identity = identityOf(response);
      requireCapability(identity, "plan.read");
      response.json(await readStatus(deps, { engine: own, startedAt, tenantId: identity.tenantId, queue }));
    });
    return router;
  });
}

function createApp(deps: OrchestratorDeps, routes: TenantRoutes): Express {
  const app = express();
  app.disable("x-powered-by");
  app.use(async (request, response, next) => {
    response.locals["requestId"] = request.get("x-request-id") ?? "";
    response.locals["traceId"] = request.get("x-trace-id") ?? "";
    response.locals["identity"] = await readInternalToken(request.get("authorization"), deps.internalKey);
    next();
  });
  app.use(express.json({ limit: orchestratorLimits.maxBodyBytes }));
  app.use(routes.handle);
  app.use(errorHandler(deps.log));
  return app;
}

type LateParts = { queue?: QueueParts; worker?: Worker };

function createEngine(deps: OrchestratorDeps, clock: Clock, late: LateParts): Engine {
  const { store, ids, rng, artifacts, log } = deps;
  return {
    store,
    clock,
    ids,
    rng,
    artifacts,
    log,
    budgetCaps: deps.budgetCaps,
    maxOpenSteps: deps.maxOpenSteps,
    dispatch: deps.dispatch,
    ...shareWakes(store.wakes, {
      bus: createEventBus(),
      wakeQueue: () => late.queue?.wake(),
      signalCancel: (planId, stepId) => late.worker?.cancel(planId, stepId),
    }),
  };
}

/** Composes API and worker over one store with the embedded queue. */
export function createOrchestrator(deps: OrchestratorDeps): Orchestrator {
  const late: LateParts = {};
  const { store } = deps;
  const heldClock = holdClockFor(store, deps.clock);
  const engine = createEngine(deps, heldClock ?? deps.clock, late);
  const slots = deps.slots ?? orchestratorLimits.slots;
  const queueParts = createQueueParts(engine, { openQueue: deps.openQueue, slots });
  late.queue = queueParts;
  const agents = createAgentCatalog({ index: deps.index, userDir: deps.userAgentsDir });
  const policies = createPolicies({ index: deps.index, files: deps.policyFiles, runMode: deps.runMode });
  const draining = new AbortController();
  const stepDeps: PlanningDeps = { ...deps, engine, agents, policies, draining: draining.signal };
  const workerId = `worker-${deps.workerName ?? deps.ids.short()}`;
  const runsSteps = deps.role !== "api";
  const worker = createWorker({
    engine,
    queue: queueParts.queue,
    runStep: createStepRunner(stepDeps),
    workerId,
    pool: defaultPool,
    slots,
  });
  late.worker = worker;
  const clearEndedPlans: CleanUp = (signal) => clearEnded(stepDeps, signal);
  const { keepTreesMs } = deps;
  const clearOld = keepTreesMs === undefined ? [] : [createRetentionSweep(stepDeps, keepTreesMs)];
  const sweeper = createSweeper(engine, heldClock);
  const cleaner = createCleaner(engine, [clearEndedPlans, ...clearOld, createAnswerSweep(engine)]);
  const routes = createRoutes(deps, engine, queueParts.queue);
  const metrics = createMetrics({
    engine,
    queue: queueParts.queue,
    pools: [defaultPool],
    hasBroker: deps.openQueue !== undefined,
    ...(runsSteps ? { worker: { pool: defaultPool, slots: () => worker.slots() } } : {}),
  });
  return {
    app: createApp(deps, routes),
    routesOf: (tenantId) => routes.of(tenantId),
    async start() {
      if (!runsSteps) return;
      // NOTE: a store with one owner holds only leases of dead processes; on a shared one others may
      // live, and only what has this one's name was its own before it started again.
      await resumeWork(engine, (owner) => !store.isShared || owner === workerId);
      await recordMissing(stepDeps);
      worker.start();
      queueParts.start();
      sweeper.start();
      cleaner.start();
    },
    async stop(finishMs) {
      draining.abort(new StepStopped("shutdown"));
      // NOTE: a sweep may take long, and steps that run hear of the stop at once.
      if (runsSteps) await Promise.all([sweeper.stop(), cleaner.stop(), worker.stop(finishMs)]);
      await queueParts.stop();
    },
    activePlans: () => countActive(engine),
    metrics,
    ready: () => store.ping(),
  };
}
