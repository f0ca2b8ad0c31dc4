// The whole path of an agent over real parts: a git repository, the tool runner, the index, the
// scripted model and the engine. Steps are run one after the other, so that a test is in charge.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

import { PlanId } from "@ossaat/contracts";
import type { Budget, PlanState, Step } from "@ossaat/contracts";
import { testPlan } from "@ossaat/contracts/testing";
import { createIndexer } from "@ossaat/indexer";
import { createToolRunner } from "@ossaat/tool-runner";
import type { ToolRunnerOptions } from "@ossaat/tool-runner";

import { createAgentCatalog } from "../agent/agent-catalog.ts";
import { createModels } from "../compose/models.ts";
import { createContextPlanner } from "../context-planner/context-planner.ts";
import { readPlanState } from "../event/read-events.ts";
import { claimStep, isClaim } from "../job/claim-step.ts";
import { reemitReady, sweepLeases, sweepTimers } from "../job/sweep.ts";

import { createPlan } from "../plan/create-plan.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { createPolicies } from "../policy/policies.ts";
import type { PlanningDeps } from "../step/run-planning-step.ts";
import { createFileTurnJournal } from "../step/adapters/file-turn-journal.ts";
import { createStepRunner } from "../step/run-step.ts";
import { createLife, mortalModels, mortalStore, mortalTools, mortalWorkspaces } from "./mortal.ts";
import type { Death, Life } from "./mortal.ts";
import { dropMessage, messagesOf } from "./take-step.ts";
import { openTestEngine, planOptions, storeApproved, user } from "./test-engine.ts";
import type { TestEngine } from "./test-engine.ts";

export type ScriptedReply = {
  text?: string;
  json?: unknown;
  toolCalls?: { name: string; input?: unknown }[];
  usage?: { inputTokens?: number; outputTokens?: number; costUsd?: number };
  finishReason?: string;
  delayMs?: number;
  chunkDelayMs?: number;
  error?: { kind: string; times?: number; retryAfterMs?: number; afterChunks?: number };
};
export type ScriptEntry = {
  match: { agent: string; step?: string; turn?: number; contains?: string; lastContains?: string };
  reply: ScriptedReply;
};

export type RequestLine = { event: string; planId: string; stepId: string; turn: number; requestAttempt: number };

export type AgentStack = {
  engine: TestEngine;
  repository: string;
  /** What the parts below the engine are, for composing something else of them. */
  parts: Omit<PlanningDeps, "engine">;
  /** Writes a script and returns the model that answers from it; `contextTokens` is the window it states. */
  script(replies: readonly ScriptEntry[], options?: { contextTokens?: number }): string;
  /** Requests the scripted models got for a plan, as `step.turn event`, in order. */
  requests(planId: string): string[];
  git(...args: string[]): string;
  /** A process of the server; it lives as long as the test unless it is told when to die. */
  process(death?: Death): ServerProcess;
  remove(): Promise<void>;
};

export type ServerProcess = {
  deps: PlanningDeps;
  life: Life;
  /** Does what a server does at its start; `passMs` is the time until it runs due timers. */
  start(passMs?: number): Promise<void>;
  create(request: { model: string; agents?: string[]; budget?: Budget; goal?: string }): Promise<PlanId>;
  /** Stores and approves a plan of these steps, made for the repository as it is. */
  storePlan(steps: readonly Step[], options: { model: string; budget?: Budget }): Promise<PlanId>;
  /** Runs what is ready, one step at a time, until nothing is; `once` = one step only. */
  run(planId: string, options?: { once?: boolean; signal?: AbortSignal }): Promise<void>;
  approve(planId: string): Promise<void>;
  state(planId: string): Promise<PlanState>;
};

const gitEnvironment = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Ann",
  GIT_AUTHOR_EMAIL: "ann@example.org",
  GIT_COMMITTER_NAME: "Ann",
  GIT_COMMITTER_EMAIL: "ann@example.org",
  GIT_AUTHOR_DATE: "2026-01-01T00:00:00Z",
  GIT_COMMITTER_DATE: "2026-01-01T00:00:00Z",
};

function makeCheckout(folder: string, files: Readonly<Record<string, string>>): (...args: string[]) => string {
  mkdirSync(folder, { recursive: true });
  const git = (...args: string[]) => execFileSync("git", args, { cwd: folder, env: gitEnvironment }).toString();
  git("init", "-q", "-b", "main");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  git("add", "-A");
  git("commit", "-q", "-m", "Start");
  return git;
}

function readRequests(file: string): RequestLine[] {
  try {
    const lines = readFileSync(file, "utf8").trim().split("\n");
    return lines.map((line) => JSON.parse(line) as RequestLine);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

type Shared = Omit<PlanningDeps, "engine"> & {
  engine: TestEngine;
  repository: string;
  commit: string;
  sandbox: "bubblewrap" | "none";
};

function makeProcess(shared: Shared, death: Death): ServerProcess {
  const life = createLife();
  const engine = { ...shared.engine, store: mortalStore(shared.engine.store, life, death) };
  const deps: PlanningDeps = {
    ...shared,
    engine,
    models: mortalModels(shared.models, life),
    tools: mortalTools(shared.tools, life),
    workspaces: mortalWorkspaces(shared.workspaces, life),
  };
  const runStep = createStepRunner(deps);
  const runOne = async (planId: string, signal: AbortSignal): Promise<boolean> => {
    const [message] = await messagesOf(engine, planId);
    if (message === undefined) return false;
    const claim = await claimStep(engine, message, `worker-${engine.ids.short()}`);
    await dropMessage(engine, message);
    if (isClaim(claim)) await runStep(claim, signal);
    return true;
  };
  return {
    deps,
    life,
    async start(passMs = 0) {
      await sweepLeases(engine, () => true);
      engine.clock.advance(passMs);
      await sweepTimers(engine);
      await reemitReady(engine, 0);
    },
    async create(changes) {
      const request = { goal: "Add a greeting", repository: { path: shared.repository }, ...changes };
      const { planId } = await createPlan(
        { ...deps, sandbox: shared.sandbox },
        { request, tenantId: "local", actor: user },
      );
      return planId;
    },
    async storePlan(steps, { model, budget = {} }) {
      const id = PlanId.parse(`plan-${engine.ids.uuid()}`);
      const { commit } = shared;
      const plan = testPlan(steps, { id, budget, repository: { commit, branch: "main" } });
      const options = planOptions(budget);
      const repository = { ...options.repository, path: shared.repository, baseCommit: commit };
      return storeApproved(engine, plan, { ...options, repository, model });
    },
    async run(planId, { once = false, signal = new AbortController().signal } = {}) {
      while (await runOne(planId, signal)) if (once) return;
      life.check();
    },
    async approve(planId) {
      const { planHash } = await this.state(planId);
      await decidePlan(deps, { planId, decision: { decision: "approve", planHash: planHash ?? "" }, actor: user });
    },
    async state(planId) {
      const state = await readPlanState(engine.store.read, planId);
      if (state === undefined) throw new Error("no such plan");
      return state;
    },
  };
}

export type StackOptions = {
  files: Readonly<Record<string, string>>;
  sandbox?: "bubblewrap" | "none";
  /** What the way out of a box is made of. */
  egress?: NonNullable<ToolRunnerOptions["egress"]>;
};

export async function openAgentStack({ files, sandbox = "none", egress = {} }: StackOptions): Promise<AgentStack> {
  const engine = await openTestEngine();
  const at = (name: string) => path.join(engine.folder, name);
  const repository = at("repository");
  const git = makeCheckout(repository, files);
  let scripts = 0;
  const runner = createToolRunner({
    stateDir: at("runner"),
    sandbox,
    egress,
    clock: { now: () => new Date(engine.clock.now()) },
    logger: { warn: () => undefined },
  });
  const index = createIndexer({ cacheDir: at("index") });
  const shared: Shared = {
    engine,
    sandbox,
    repository,
    commit: git("rev-parse", "HEAD").trim(),
    models: createModels({ env: {}, requestLog: at("requests.log") }),
    tools: runner.tools,
    workspaces: runner.workspaces,
    index,
    agents: createAgentCatalog({ index }),
    policies: createPolicies({ index, files: { admin: [{ path: at("admin-policy.json"), mustExist: false }] } }),
    planner: createContextPlanner({ index }),
    journal: createFileTurnJournal(at("turns")),
  };
  return {
    engine,
    repository,
    parts: shared,
    script(replies, options = {}) {
      scripts += 1;
      const file = at(`script-${scripts}.json`);
      writeFileSync(file, JSON.stringify({ schemaVersion: 1, ...options, replies }));
      return `scripted:${file}`;
    },
    requests: (planId) =>
      readRequests(at("requests.log"))
        .filter((line) => line.planId === planId)
        .map(({ stepId, turn, event }) => `${stepId}.${turn} ${event.replace("request.", "")}`),
    git,
    process: (death = { afterCommits: Number.POSITIVE_INFINITY, when: "at once" }) => makeProcess(shared, death),
    remove: async () => {
      await runner.close();
      await index.close();
      await engine.remove();
    },
  };
}
