// A runner over one real repository with one open workspace, and calls as an orchestrator makes them.
import { randomUUID } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { Envelope, hashGrant, toolInputs, toolSpecs } from "@ossaat/contracts";
import type { ToolEvent, ToolInvocation, ToolName, ToolOutput, ToolService, WorkspaceId } from "@ossaat/contracts";

import { createToolRunner } from "../create-tool-runner.ts";
import type { ToolRunner, ToolRunnerOptions } from "../create-tool-runner.ts";
import { testHost } from "./host.ts";
import { silentLog } from "./silent-log.ts";
import { makeTempDir } from "./temp-dir.ts";
import { makeUserRepository } from "./user-repository.ts";
import type { UserRepositoryFixture } from "./user-repository.ts";

export const testPlanId = "plan-00000000-0000-4000-8000-000000000001";
export const testWorkspaceId = "work-1" as WorkspaceId;

/** A shell script as an argv that a command prefix can cover: no prefix reaches through a shell. */
export function shellArgv(script: string): string[] {
  const code =
    'const r = require("node:child_process").spawnSync("/bin/sh", ["-c", process.argv[1]], { stdio: "inherit" }); process.exitCode = r.status ?? 99;';
  return ["node", "-e", code, script];
}

/** An envelope that covers every tool, every path and the programs tests run. */
export const wideEnvelope = Envelope.parse({
  tools: Object.keys(toolInputs),
  paths: ["**"],
  commands: ["node", "printf", "python3", "/usr/bin/python3", "true", "sleep", "cat"],
});

export type CallChanges = Partial<Omit<ToolInvocation, "inputJson" | "tool">>;

/** An invocation with a grant that fits; `changes` come before the grant is computed unless they name one. */
export function makeInvocation(tool: string, input: unknown, changes: CallChanges = {}): ToolInvocation {
  const draft = {
    invocationId: randomUUID(),
    planId: testPlanId,
    stepId: "step-1",
    attempt: 1,
    tool,
    capability: Object.hasOwn(toolSpecs, tool) ? toolSpecs[tool as ToolName].capability : "repo.read",
    inputJson: typeof input === "string" ? input : JSON.stringify(input),
    workspaceId: testWorkspaceId,
    timeoutSeconds: 0,
    envelope: structuredClone(wideEnvelope),
    approvedOutside: false,
    policyHash: "0".repeat(64),
    metadata: {},
    ...changes,
  };
  return { ...draft, grant: changes.grant ?? hashGrant(draft) };
}

export async function collectEvents(events: AsyncIterable<ToolEvent>): Promise<ToolEvent[]> {
  const all: ToolEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

/** What a call ended with, flat: easy to compare. */
export type Outcome = { state: string; text: string; code?: string; message?: string; output?: ToolOutput };

export function outcomeOf(events: readonly ToolEvent[]): Outcome {
  const last = events.at(-1);
  if (last === undefined || last.state === "running") return { state: "no terminal event", text: "" };
  const output = last.output;
  const text = output?.text ?? "";
  const rest = output === undefined ? {} : { output };
  if (last.state === "completed") return { state: last.state, text, ...rest };
  return { state: last.state, text, code: last.error.code, message: last.error.message, ...rest };
}

export type OpenRunner = {
  runner: ToolRunner;
  tools: ToolService;
  repository: UserRepositoryFixture;
  stateDir: string;
  /** Folder of the working tree, as the host sees it. */
  tree: string;
  call(tool: ToolName, input: unknown, changes?: CallChanges): Promise<Outcome>;
  write(path: string, content: string | Buffer): void;
  read(path: string): string;
  has(path: string): boolean;
  /** Another runner over the same state, as after a restart. */
  restart(): ToolRunner;
  close(): Promise<void>;
};

function isPresent(path: string): boolean {
  return existsSync(path) || lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Makes the repository, opens the workspace, and removes all of it on `close`. */
export async function openRunner(
  files: Readonly<Record<string, string | Buffer>>,
  options: Partial<ToolRunnerOptions> = {},
): Promise<OpenRunner> {
  const dir = makeTempDir();
  const repository = makeUserRepository(dir.at("user"), files);
  const stateDir = dir.at("state");
  const runners: ToolRunner[] = [];
  const start = (): ToolRunner => {
    const runner = createToolRunner({ stateDir, sandbox: "none", host: testHost, logger: silentLog, ...options });
    runners.push(runner);
    return runner;
  };
  const runner = start();
  const place = { workspaceId: testWorkspaceId, planId: testPlanId };
  await runner.workspaces.open({ ...place, repositoryPath: repository.root, commit: repository.base });
  const tree = join(stateDir, "workspaces", testPlanId, testWorkspaceId);
  return {
    runner,
    tools: runner.tools,
    repository,
    stateDir,
    tree,
    call: async (tool, input, changes) =>
      outcomeOf(await collectEvents(runner.tools.execute(makeInvocation(tool, input, changes)))),
    write: (path, content) => {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), content);
    },
    read: (path) => readFileSync(join(tree, path), "utf8"),
    has: (path) => isPresent(join(tree, path)),
    restart: start,
    close: async () => {
      for (const each of runners) await each.close(0);
      dir.remove();
    },
  };
}
