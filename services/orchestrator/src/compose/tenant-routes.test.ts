// Every route is tied to the caller's tenant in the same way: what belongs to others is not found.
import { PersonCapability, httpRoutes } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";
import express from "express";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { store } from "../artifact/artifacts.ts";
import { changePlan } from "../job/engine.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { serveApp } from "../testing/serve-orchestrator.ts";
import type { HttpAnswer, ServedApp } from "../testing/serve-orchestrator.ts";
import { user } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createOrchestrator } from "./orchestrator.ts";
import type { Orchestrator } from "./orchestrator.ts";

const internalKey = new Uint8Array(32).fill(7);
const capabilities = PersonCapability.options;

let stack: AgentStack;
let orchestrator: Orchestrator;
let app: ServedApp;
/** What tenant `local` has, by the name of a route's parameter. */
let owned: Record<string, string>;
let plan: PlanState;

beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/greet.ts": "export function greet() { return 'hi'; }\n" } });
  const composed = { ...stack.engine, ...stack.parts, sandbox: "none" as const, internalKey, version: "1.2.3" };
  orchestrator = createOrchestrator({ ...composed, stateDir: "/state", providerKeys: [] });
  app = await serveApp(orchestrator.app, { internalKey, capabilities });
  await orchestrator.start();
  plan = await proposed("src/greet.ts");
  owned = {
    planId: plan.id,
    ...(await keepValues(plan.id)),
    approvalId: await askSomething(plan),
    letterId: await buryMessageOf(plan),
  };
});
afterAll(async () => {
  await orchestrator.stop();
  await app.close();
  await stack.remove();
});

const request = (file: string) => ({
  goal: `Rename greet in ${file}`,
  repository: { path: stack.repository },
  model: "none",
});

async function proposed(file: string): Promise<PlanState> {
  const created = await app.call("/plans", { method: "POST", body: request(file) });
  const { id } = created.body["plan"] as PlanState;
  const read = async () => (await app.call(`/plans/${id}`)).body["plan"] as PlanState;
  await waitUntil("the proposal", async () => (await read()).status === "awaiting_approval");
  return read();
}

/** An output and a large value, both named by events of the plan. */
async function keepValues(planId: string): Promise<{ ref: string; logRef: string }> {
  const logRef = "b".repeat(64);
  const output = { commands: [{ argv: ["true"], logRef }], text: "x".repeat(100_000) };
  const stored = await store(stack.engine.artifacts, output);
  const data = { callId: "c1", tool: "run_command", state: "completed", summary: "", output: stored, seconds: 1 };
  await changePlan(stack.engine, { planId, actor: user }, (change) =>
    change.append({ type: "tool.finished", data } as never),
  );
  return { ref: (stored as { ref: string }).ref, logRef };
}

/** A dead letter of the plan. */
async function buryMessageOf({ id: planId }: PlanState): Promise<string> {
  const id = "letter-1";
  const envelope = { messageId: id, dedupeId: "d", tenantId: "local", planId, stepId: "s1", attempt: 1 };
  const message = JSON.stringify({ ...envelope, pool: "default", kind: "agent", enqueuedAt: 1 });
  const row = { id, tenant_id: "local", pool: "default", reason: "wrong", message, at: 1 };
  await stack.engine.store.tx((tx) => tx.insertInto("dead_letter").values(row).execute());
  return id;
}

/** A row as an approval request leaves it. */
async function askSomething({ id }: PlanState): Promise<string> {
  const approvalId = "approval-00000000000000aa";
  const question = {
    schemaVersion: 1,
    approvalId,
    planId: id,
    stepId: "s1",
    kind: "call",
    requestHash: "c".repeat(64),
  };
  await stack.engine.store.tx((tx) =>
    tx
      .insertInto("approval")
      .values({
        id: approvalId,
        plan_id: id,
        step_id: "s1",
        tenant_id: "local",
        kind: "call",
        status: "pending",
        request_hash: question.requestHash,
        request_json: JSON.stringify(question),
        requested_at: 1,
        expires_at: Number.MAX_SAFE_INTEGER,
        call_id: "c1",
        scope: null,
        feedback: null,
        decided_by: null,
        decided_at: null,
      } as never)
      .execute(),
  );
  return approvalId;
}

type Route = { method: string; path: string };
type Layer = { route?: { path: string | string[]; methods: Record<string, boolean> }; handle?: { stack?: Layer[] } };

/** The routes there really are, as express holds them. */
function routesOf(router: unknown): Route[] {
  const walk = (layers: readonly Layer[]): Route[] =>
    layers.flatMap(({ route, handle }) => {
      if (route === undefined) return walk(handle?.stack ?? []);
      return Object.keys(route.methods).flatMap((method) => [route.path].flat().map((path) => ({ method, path })));
    });
  return walk((router as { stack: Layer[] }).stack);
}

/** A request to a route that its own tenant may send. */
function bodyOf({ method, path }: Route): unknown {
  if (method === "get") return undefined;
  if (path.endsWith("/plan"))
    return path === "/plan" ? request("x.ts") : { basePlanHash: plan.planHash, plan: plan.plan };
  if (path === "/plans") return request("x.ts");
  if (path.startsWith("/approvals")) return { decision: "deny", requestHash: "c".repeat(64) };
  if (path === "/queue/dead-letters/decisions") return { decision: "drop", ids: [owned["letterId"] ?? "no-letterId"] };
  if (path.startsWith("/queue")) return { decision: "drop" };
  if (path.endsWith("/decisions")) return { decision: "pause" };
  return {};
}

function addressOf({ path }: Route): string {
  const filled = path.replaceAll(/:(\w+)/gu, (_all, name: string) => owned[name] ?? `no-${name}`);
  if (path === "/events") return `${filled}?plan_id=${owned["planId"] ?? ""}`;
  return path === "/agents" ? `${filled}?repository=${encodeURIComponent(stack.repository)}` : filled;
}

const ask = (on: ServedApp, route: Route, tenantId: string): Promise<HttpAnswer> => {
  const body = bodyOf(route);
  const options = { method: route.method.toUpperCase(), identity: { tenantId } };
  return on.call(addressOf(route), body === undefined ? options : { ...options, body });
};

/** Routes that name nothing stored: what they answer to a tenant that has nothing. */
const withoutAName: Readonly<Record<string, (answer: HttpAnswer) => boolean>> = {
  "get /plans": ({ body }) => (body["plans"] as unknown[]).length === 0,
  "get /approvals": ({ body }) => (body["approvals"] as unknown[]).length === 0,
  "post /policy/replay": ({ body }) => !JSON.stringify(body).includes(plan.id),
  "get /status": ({ body }) => JSON.stringify(body["plans"]) === '{"open":0,"running":0,"awaitingApproval":0}',
  "get /queue/dead-letters": ({ body }) => (body["letters"] as unknown[]).length === 0,
  // The queue is there for all; what is counted of a tenant is none.
  "get /queue": ({ body }) =>
    JSON.stringify([body["waiting"], body["pools"]]) === '[0,[{"pool":"default","depth":0,"deadLetters":0}]]',
  "get /reconciliation": ({ body }) => (body["differences"] as unknown[]).length === 0,
  "post /reconciliation": ({ body }) => (body["differences"] as unknown[]).length === 0,
  // Reads profiles of a folder of the machine and nothing that is stored.
  "get /agents": ({ status }) => status === 200,
};
/** Make something of the caller's own. */
const creating = new Set(["post /plans", "post /plan", "post /plans/import"]);

/** Why a route is not tied to a tenant, or undefined. */
async function problemOf(on: ServedApp, route: Route): Promise<string | undefined> {
  const name = `${route.method} ${route.path}`;
  if (creating.has(name)) return undefined;
  const answer = await ask(on, route, "others");
  const isBound = withoutAName[name]?.(answer) ?? (answer.status === 404 && answer.body["code"] === "not_found");
  return isBound ? undefined : `${name} answers ${answer.status} to another tenant`;
}

async function problemsOf(on: ServedApp, routes: readonly Route[]): Promise<string[]> {
  const found = await Promise.all(routes.map((route) => problemOf(on, route)));
  return found.filter((problem) => problem !== undefined);
}

describe("every route of the orchestrator", () => {
  test("answers nothing of one tenant to another", async () => {
    const routes = routesOf(orchestrator.routesOf("local"));
    expect(routes.length).toBeGreaterThan(15);
    expect(await problemsOf(app, routes)).toEqual([]);
  });

  test("answers the tenant whose things they are, so that it is no missing thing that was not found", async () => {
    const reading = routesOf(orchestrator.routesOf("local")).filter(
      ({ method, path }) => method === "get" && path.includes(":"),
    );
    const answers = await Promise.all(
      reading.map(async (route) => [route.path, (await ask(app, route, "local")).body["message"]]),
    );
    const notYet = {
      "/plans/:planId/diff": "No step of the plan has finished yet: name one with --step.",
      "/plans/:planId/evidence": "The plan has no evidence yet: it has not ended.",
      // The output itself was never written; that the plan names it was found.
      "/plans/:planId/logs/:logRef": "There is no such log.",
    };
    expect(Object.fromEntries(answers)).toMatchObject(notYet);
    expect(
      answers.filter(([path]) => !Object.hasOwn(notYet, String(path))).every(([, text]) => text === undefined),
    ).toBe(true);
  });

  test("creates things of the tenant that asks", async () => {
    const made = await ask(app, { method: "post", path: "/plans" }, "makers");
    const { id } = made.body["plan"] as PlanState;
    expect((await app.call(`/plans/${id}`)).status).toBe(404);
    expect((await app.call(`/plans/${id}`, { identity: { tenantId: "makers" } })).status).toBe(200);
  });

  test("stands in the table of routes, and each of the table is there", () => {
    const written = httpRoutes.map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/gu, ":$1")}`);
    const edge = ["get /healthz", "get /readyz", "get /openapi.json", "get /metrics"];
    const real = routesOf(orchestrator.routesOf("local")).map(({ method, path }) => `${method} ${path}`);
    expect([...real, ...edge].toSorted()).toEqual(written.toSorted());
  });
});

describe("a planted route", () => {
  const serve = (path: string, answer: unknown) => {
    const planted = express();
    planted.get(path, (_request, response) => {
      response.json(answer);
    });
    return { planted, routes: routesOf(planted.router) };
  };

  test.each([
    ["that reads by an id and asks nobody's tenant", "/outputs/:logRef", { data: "secret" }],
    ["that lists without a tenant", "/everything", { plans: [] }],
  ])("%s is found", async (_what, path, answer) => {
    const { planted, routes } = serve(path, answer);
    const served = await serveApp(planted, { internalKey, capabilities });
    try {
      expect(await problemsOf(served, routes)).toEqual([`get ${path} answers 200 to another tenant`]);
    } finally {
      await served.close();
    }
  });
});
