// What every composition of a server must say, and what the rules do to it.
import { afterAll, beforeAll, expect, expectTypeOf, test } from "vitest";

import { createContextPlanner } from "../context-planner/context-planner.ts";
import type { ServerRules } from "../server-rules.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { composeServer } from "./compose-server.ts";
import type { RuledDeps, ServerParts } from "./compose-server.ts";
import type { OrchestratorDeps } from "./orchestrator.ts";

type OptionalKeys<T> = { [K in keyof T]-?: object extends Pick<T, K> ? K : never }[keyof T];

test("a composition that leaves out a rule or a part does not compile, and no rule is lost on the way", () => {
  expectTypeOf<OptionalKeys<ServerRules>>().toEqualTypeOf<never>();
  expectTypeOf<OptionalKeys<ServerParts>>().toEqualTypeOf<never>();
  expectTypeOf<Exclude<keyof OrchestratorDeps, keyof ServerParts | keyof RuledDeps>>().toEqualTypeOf<never>();
  // By another name: models are held to the list, days become milliseconds.
  expectTypeOf<Exclude<keyof ServerRules, keyof RuledDeps>>().toEqualTypeOf<"allowedModels" | "keepDays">();
  expectTypeOf<Exclude<keyof RuledDeps, keyof OrchestratorDeps>>().toEqualTypeOf<never>();
});

let stack: AgentStack;
beforeAll(async () => {
  stack = await openAgentStack({ files: { "a.txt": "a\n" } });
});
afterAll(() => stack.remove());

const consumer: ServerRules = {
  runMode: "consumer",
  allowedModels: undefined,
  isSandboxRequired: false,
  budgetCaps: undefined,
  maxOpenSteps: undefined,
  dispatch: {},
  slots: undefined,
  keepDays: 14,
  policyFiles: { admin: [] },
  userAgentsDir: undefined,
};

function compose(changes: Partial<ServerRules>, sandbox: ServerParts["sandbox"]) {
  const { store, clock, ids, rng, artifacts, log } = stack.engine;
  const { tools, workspaces, index, journal } = stack.parts;
  return composeServer(
    { ...consumer, ...changes },
    {
      store,
      clock,
      ids,
      rng,
      artifacts,
      log,
      tools,
      workspaces,
      index,
      journal,
      sandbox,
      planner: createContextPlanner({ index }),
      models: { env: {} },
      internalKey: new Uint8Array(32).fill(7),
      version: "1.2.3",
      stateDir: stack.engine.folder,
      spoolDir: undefined,
      providerKeys: [],
      role: undefined,
      workerName: undefined,
      openQueue: undefined,
      runnerAddress: undefined,
    },
  );
}

test("where the sandbox is required there is no server without one", () => {
  const required = { isSandboxRequired: true };
  expect(() => compose(required, "none")).toThrow("The tool runner has no sandbox, and the sandbox is required.");
  expect([compose(required, "bubblewrap"), compose({}, "none")]).toHaveLength(2);
});
