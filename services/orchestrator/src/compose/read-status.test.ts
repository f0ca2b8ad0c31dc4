// What `/status` says when parts of a deployment are away.
import { AgentError, unreachableReason } from "@ossaat/contracts";
import type { StatusResponse } from "@ossaat/contracts";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { serveApp } from "../testing/serve-orchestrator.ts";
import type { ServedApp } from "../testing/serve-orchestrator.ts";
import { createOrchestrator } from "./orchestrator.ts";

const internalKey = new Uint8Array(32).fill(7);

let stack: AgentStack;
let app: ServedApp;
/** What the tool runner does when it is asked how it is. */
let health: () => Promise<unknown>;

beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/greet.ts": "export function greet() { return 'hi'; }\n" } });
  const tools = { ...stack.parts.tools, health: () => health() as ReturnType<typeof stack.parts.tools.health> };
  const { app: routes } = createOrchestrator({
    ...stack.engine,
    ...stack.parts,
    tools,
    runnerAddress: "10.0.0.5:7001",
    role: "api",
    sandbox: "none",
    internalKey,
    version: "1.2.3",
    stateDir: "",
    providerKeys: [],
  });
  app = await serveApp(routes, { internalKey, capabilities: ["plan.create", "plan.read"] });
});
afterAll(async () => {
  await app.close();
  await stack.remove();
});
beforeEach(() => {
  health = () => stack.parts.tools.health();
});

const readStatus = async () => {
  const { status, body } = await app.call("/status");
  expect(status).toBe(200);
  return body as unknown as StatusResponse;
};

test("all that is there is well", async () => {
  const status = await readStatus();
  expect(status).toMatchObject({ sandbox: { driver: "none" }, queue: { ok: true }, plans: { open: 0 } });
  expect([status.toolRunner, status.workers]).toEqual([undefined, undefined]);
});

test("a tool runner that is away hides nothing else, and its address is named", async () => {
  const detail = "The tool runner could not be reached, or refused the message.";
  health = () => Promise.reject(new AgentError("unavailable", detail, { details: { reason: unreachableReason } }));
  expect(await readStatus()).toMatchObject({
    sandbox: { driver: "unavailable", detail },
    toolRunner: {
      ok: false,
      detail,
      next: "start the tool runner at 10.0.0.5:7001; steps go on with it by themselves",
    },
    queue: { ok: true },
    plans: { open: 0, running: 0, awaitingApproval: 0 },
  });
  health = () => Promise.reject(new Error("a fault of ours"));
  expect((await app.call("/status")).status).toBe(500);
});

test("steps that nobody takes are told once they waited for long and no lease is renewed", async () => {
  const request = { goal: "Rename greet", repository: { path: stack.repository }, model: "none" };
  for (let n = 0; n < 2; n += 1) expect((await app.call("/plans", { method: "POST", body: request })).status).toBe(202);
  expect((await readStatus()).workers).toBeUndefined();
  const { store, clock } = stack.engine;
  const steps = () => store.read.selectFrom("step").selectAll().orderBy("plan_id").execute();
  const change = (planId: string, values: object) =>
    store.tx((tx) => tx.updateTable("step").set(values).where("plan_id", "=", planId).execute());
  const [first, second] = await steps();
  const longAgo = clock.now() - 120_000;
  for (const { plan_id: id } of await steps()) await change(id, { ready_at: longAgo, waiting_since: longAgo });
  expect((await readStatus()).workers).toEqual({
    ok: false,
    detail: "no worker takes steps: 2 steps wait for more than 60 s, and none runs",
    next: "start an orchestrator with OSSAAT_ROLE=worker; what waits goes on by itself",
  });
  await change(first?.plan_id ?? "", { status: "running", lease_until: clock.now() + 120_000 });
  expect((await readStatus()).workers).toBeUndefined();
  // The worker died: its lease has run out.
  await change(first?.plan_id ?? "", { lease_until: longAgo });
  expect((await readStatus()).workers?.detail).toContain("1 step waits for more than 60 s");
  await store.tx((tx) =>
    tx
      .updateTable("plan")
      .set({ status: "paused" })
      .where("id", "=", second?.plan_id ?? "")
      .execute(),
  );
  expect((await readStatus()).workers).toBeUndefined();
});
