// Puts the runner together for use in this process; the gRPC server serves the same object.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";

import type { ToolRunnerHealth, ToolService, WorkspaceService } from "@ossaat/contracts";

import { clearUnfinishedSeeds, createBuildCaches } from "./build-cache/build-caches.ts";
import { readEngineEnvironment, readHostEnvironment } from "./config.ts";
import { createEgress } from "./egress/open-egress.ts";
import type { EgressOptions } from "./egress/open-egress.ts";
import { createGit } from "./git/git.ts";
import type { Git } from "./git/git.ts";
import { createLogStore } from "./log/log-store.ts";
import { createBubblewrapSandbox } from "./sandbox/adapters/bubblewrap.ts";
import { createContainerSandbox } from "./sandbox/adapters/container.ts";
import { createUnconfinedRunner } from "./sandbox/adapters/unconfined.ts";
import { defaultSandboxLimits } from "./sandbox/limits.ts";
import type { Sandbox, SandboxLimits } from "./sandbox/sandbox.ts";
import type { HostEnvironment, ReadOnlyBind } from "./sandbox/toolchains.ts";
import { ToolExecutor } from "./tool/execute-tool.ts";
import type { RunnerLog } from "./tool/execute-tool.ts";
import { toolRegistry } from "./tool/registry.ts";
import { createResultStore } from "./tool/result-store.ts";
import type { ResultStore } from "./tool/result-store.ts";
import { createWorkspaces } from "./workspace/create-workspaces.ts";
import { createFences } from "./workspace/fences.ts";
import { createLayout } from "./workspace/layout.ts";
import { createKeyedLock } from "./workspace/lock.ts";
import { TreeGuards } from "./workspace/tree-guard.ts";

export type ToolRunnerOptions = {
  /** Folder of everything the runner keeps; made owner-only when missing. */
  stateDir: string;
  /** `none` runs commands without isolation; every result of such a runner says so. */
  sandbox: "bubblewrap" | "container" | "none";
  /** Image whose files a container has; left out = the machine's own. */
  image?: string | undefined;
  /** A driver of the caller's own; `sandbox` is then not looked at. */
  driver?: Sandbox;
  /** Bounds of every run that differ from the defaults; the wall time is the call's. */
  limits?: Partial<Omit<SandboxLimits, "wallMs">>;
  clock?: { now(): Date };
  /** Where causes go that a caller only hears of as "see the server's log". */
  logger: RunnerLog;
  /** The machine as the box may see it; read from the environment when left out. */
  host?: HostEnvironment;
  /** Variables that say where a container engine's daemon is; read from the environment when left out. */
  engineEnv?: Readonly<Record<string, string>>;
  /** More of the machine that a box may read, for example a toolchain in an unusual place. */
  readOnlyBinds?: readonly ReadOnlyBind[];
  /** What the way out of a box is made of, beyond the step's own list. */
  egress?: EgressOptions;
  /** Changes parts before they are put together: how tests get between them. No setting leads here. */
  arrange?: (parts: RunnerParts) => RunnerParts;
};

/** What calls have their effects by. */
export type RunnerParts = { git: Git; results: ResultStore };

export type ToolRunner = {
  tools: ToolService;
  workspaces: WorkspaceService;
  health(): Promise<ToolRunnerHealth>;
  /** Removes what a killed runner left half made; called once, before the first call. */
  clearLeftovers(): Promise<void>;
  /** Lets calls end that are nearly done, interrupts the others, as a kill would, and waits until nothing runs. */
  close(graceMs?: number): Promise<void>;
};

function createSandbox(options: ToolRunnerOptions, scratchDir: string): Sandbox {
  if (options.driver !== undefined) return options.driver;
  const host = options.host ?? readHostEnvironment();
  if (options.sandbox === "none") return createUnconfinedRunner({ host, scratchDir });
  const { readOnlyBinds = [] } = options;
  if (options.sandbox === "container") {
    const { image, engineEnv = readEngineEnvironment() } = options;
    return createContainerSandbox({ host, arch: process.arch, scratchDir, image, engineEnv, readOnlyBinds });
  }
  return createBubblewrapSandbox({ host, arch: process.arch, scratchDir, readOnlyBinds });
}

async function describeHealth(sandbox: Sandbox): Promise<ToolRunnerHealth> {
  const probe = await sandbox.probe();
  const fix = probe.fix === undefined ? {} : { fix: probe.fix };
  if (!probe.usable) {
    return { status: "not_serving", sandbox: { driver: "unavailable", detail: probe.detail, ...fix } };
  }
  return { status: "serving", sandbox: { driver: probe.driver, detail: probe.detail, ...fix } };
}

/** Makes a runner in this process. Nothing runs and nothing is probed before the first call. */
export function createToolRunner(options: ToolRunnerOptions): ToolRunner {
  const layout = createLayout(resolve(options.stateDir));
  mkdirSync(layout.stateDir, { recursive: true, mode: 0o700 });
  const sandbox = createSandbox(options, layout.box);
  const { arrange = (parts) => parts } = options;
  const { git, results } = arrange({ git: createGit("git"), results: createResultStore(layout.results) });
  const lock = createKeyedLock();
  const logs = createLogStore(layout.logs);
  const fences = createFences({ layout, lock });
  const clock = options.clock ?? { now: () => new Date() };
  const executor = new ToolExecutor({
    git,
    layout,
    lock,
    logs,
    fences,
    caches: createBuildCaches({ layout, lock, sandbox, log: options.logger }),
    results,
    trees: new TreeGuards(),
    sandbox,
    egress: createEgress(options.egress ?? {}, layout.box),
    limits: { ...defaultSandboxLimits, ...options.limits },
    tools: toolRegistry,
    now: () => clock.now(),
    log: options.logger,
  });
  const health = () => describeHealth(sandbox);
  return {
    tools: {
      execute: (invocation, callOptions) => executor.execute(invocation, callOptions),
      cancel: (invocationId) => executor.cancel(invocationId),
      health,
    },
    workspaces: createWorkspaces({ git, layout, lock, logs, fences, dependencyRoot: sandbox.dependencyRoot }),
    health,
    clearLeftovers: () => clearUnfinishedSeeds(layout),
    close: (graceMs) => executor.close(graceMs),
  };
}
