// The administrator's caps hold for whoever calls the API, with whatever client.
import { PersonCapability } from "@ossaat/contracts";
import type { Plan, PlanState } from "@ossaat/contracts";
import { afterAll, beforeAll, expect, test } from "vitest";

import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { serveApp } from "../testing/serve-orchestrator.ts";
import type { ServedApp } from "../testing/serve-orchestrator.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createOrchestrator } from "./orchestrator.ts";
import type { Orchestrator } from "./orchestrator.ts";

const internalKey = new Uint8Array(32).fill(7);

let stack: AgentStack;
let orchestrator: Orchestrator;
let app: ServedApp;

beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/greet.ts": "export function greet() { return 'hi'; }\n" } });
  orchestrator = createOrchestrator({
    ...stack.engine,
    ...stack.parts,
    sandbox: "none",
    budgetCaps: { maxCostUsd: 1, maxMinutes: 30 },
    internalKey,
    version: "1.2.3",
    stateDir: "/state",
    providerKeys: [],
  });
  app = await serveApp(orchestrator.app, { internalKey, capabilities: PersonCapability.options });
  await orchestrator.start();
});
afterAll(async () => {
  await orchestrator.stop();
  await app.close();
  await stack.remove();
});

async function send(path: string, body: unknown, method = "POST"): Promise<PlanState> {
  const answer = await app.call(path, { method, body });
  expect(answer.body["message"]).toBeUndefined();
  return answer.body["plan"] as PlanState;
}

const request = (changes: object = {}) => ({
  goal: "Rename greet to welcome",
  repository: { path: stack.repository },
  model: "none",
  ...changes,
});

async function proposed(budget?: object): Promise<PlanState> {
  const { id } = await send("/plans", request(budget === undefined ? {} : { budget }));
  const read = async () => (await app.call(`/plans/${id}`)).body["plan"] as PlanState;
  await waitUntil("the proposal", async () => (await read()).status === "awaiting_approval");
  return read();
}

test.each([
  ["asks for more", { maxCostUsd: 100, maxMinutes: 600 }, { maxCostUsd: 1, maxMinutes: 30, maxTokens: 2_000_000 }],
  ["asks for less", { maxCostUsd: 0.5, maxTokens: 10 }, { maxCostUsd: 0.5, maxMinutes: 30, maxTokens: 10 }],
  ["asks for nothing", undefined, { maxCostUsd: 1, maxMinutes: 30, maxTokens: 2_000_000 }],
])("a plan that %s", async (_what, budget, held) => {
  const state = await proposed(budget);
  expect([state.budget, state.plan?.budget]).toEqual([held, held]);
});

test("an edited plan does not raise them", async () => {
  const { id, plan, planHash } = await proposed();
  const edited = { ...(plan as Plan), budget: { maxCostUsd: 50, maxMinutes: 20 }, summary: "edited" };
  const after = await send(`/plans/${id}/plan`, { basePlanHash: planHash, plan: edited }, "PUT");
  expect(after.plan?.budget).toEqual({ maxCostUsd: 1, maxMinutes: 20, maxTokens: 2_000_000 });
});

test("a retry does not raise them", async () => {
  const { id, planHash } = await proposed();
  await send(`/plans/${id}/decisions`, { decision: "reject", planHash });
  const retried = await send(`/plans/${id}/retry`, { budget: { maxCostUsd: 50 } });
  expect(retried.budget).toEqual({ maxCostUsd: 1, maxMinutes: 30, maxTokens: 2_000_000 });
});
