import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import type { PlanState, Stored } from "@ossaat/contracts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { store } from "../artifact/artifacts.ts";
import { createEmbeddedQueue } from "../job/adapters/embedded.ts";
import { changePlan } from "../job/engine.ts";
import { mintInternalToken } from "../identity/identity.ts";
import type { Identity } from "../identity/identity.ts";
import type { Wakes } from "../store/store.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { user } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createOrchestrator } from "./orchestrator.ts";
import type { Orchestrator } from "./orchestrator.ts";

const internalKey = new Uint8Array(32).fill(7);
const everything = ["plan.create", "plan.read", "plan.approve"];
const unknownPlan = "plan-00000000-0000-4000-8000-00000000ffff";

let stack: AgentStack;
let orchestrator: Orchestrator;
let server: Server;
let base: string;

beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/greet.ts": "export function greet() { return 'hi'; }\n" } });
  orchestrator = createOrchestrator({
    ...stack.engine,
    ...stack.parts,
    sandbox: "none",
    internalKey,
    version: "1.2.3",
    stateDir: "/state",
    providerKeys: [],
  });
  server = createServer(orchestrator.app);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await orchestrator.start();
});
afterAll(async () => {
  await orchestrator.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await stack.remove();
});

type Call = {
  method?: string;
  body?: unknown;
  text?: string;
  identity?: Partial<Identity>;
  headers?: Record<string, string>;
};

async function call(path: string, { method, body, text, identity = {}, headers = {} }: Call = {}) {
  const token = await mintInternalToken(
    { tenantId: "local", actor: user, capabilities: everything, ...identity },
    internalKey,
  );
  const content = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const response = await fetch(`${base}${path}`, {
    method: method ?? (content === undefined ? "GET" : "POST"),
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json",
      "content-type": "application/json",
      ...headers,
    },
    ...(content === undefined ? {} : { body: content }),
  });
  const answer = await response.text();
  return { status: response.status, body: (answer === "" ? undefined : JSON.parse(answer)) as Record<string, unknown> };
}
const codeOf = async (path: string, options: Call = {}) => {
  const { status, body } = await call(path, options);
  return [status, body["code"]];
};
const request = (changes: object = {}) => ({
  goal: "Rename greet to welcome",
  repository: { path: stack.repository },
  model: "none",
  ...changes,
});
const planOf = async (planId: string) => (await call(`/plans/${planId}`)).body["plan"] as PlanState;
async function proposed(): Promise<PlanState> {
  const { body } = await call("/plans", { body: request() });
  const { id } = body["plan"] as PlanState;
  await waitUntil("the proposal", async () => (await planOf(id)).status === "awaiting_approval");
  return planOf(id);
}

let waiting: Promise<PlanState> | undefined;
/** A plan that waits for its approval, the same one for every test that leaves it so. */
const waitingPlan = () => (waiting ??= proposed());

describe("the API of the orchestrator", () => {
  test("takes a goal, plans it by itself, shows the plan and ends it when it is rejected", async () => {
    const created = await call("/plans", { body: request() });
    expect([created.status, (created.body["plan"] as PlanState).status]).toEqual([202, "draft"]);
    const { id, planHash } = await proposed();
    const rejected = await call(`/plans/${id}/decisions`, { body: { decision: "reject", planHash, comment: "no" } });
    expect([rejected.status, (rejected.body["plan"] as PlanState).status]).toEqual([200, "rejected"]);
    await waitUntil("files or no files", async () => (await auditPlan(stack.engine, id)).length === 0);
  });

  test("says how it is", async () => {
    expect((await call("/status")).body).toMatchObject({
      schemaVersion: 1,
      version: "1.2.3",
      model: null,
      stateDir: "/state",
    });
  });
});

describe("a value kept by reference", () => {
  const large = { text: "x".repeat(100_000) };
  const note = async (planId: string, message: Stored) => {
    const data = { agent: "planner", message, sources: [] };
    await changePlan(stack.engine, { planId, actor: user }, (change) =>
      change.append({ type: "context.assembled", data }),
    );
  };

  test("is given to who may read a plan that names it, and to nobody else", async () => {
    const [mine, other] = [await proposed(), await proposed()];
    const stored = await store(stack.engine.artifacts, large);
    await note(mine.id, stored);
    const { ref } = stored as { ref: string };
    const path = (planId: string) => `/plans/${planId}/artifacts/${ref}`;
    expect([await call(path(mine.id)), await codeOf(path(other.id))]).toEqual([
      { status: 200, body: { schemaVersion: 1, ref, value: large } },
      [404, "not_found"],
    ]);
    expect(await codeOf(path(mine.id), { identity: { tenantId: "others" } })).toEqual([404, "not_found"]);
    expect(await codeOf(`/plans/${mine.id}/artifacts/${"0".repeat(64)}`)).toEqual([404, "not_found"]);
    expect(await codeOf(`/plans/${mine.id}/artifacts/%25`)).toEqual([400, "invalid_input"]);
  });
});

describe("who may do what", () => {
  const routes: [string, string, string, Call?][] = [
    ["plan.read", "GET", "/plans"],
    ["plan.read", "GET", `/plans/${unknownPlan}`],
    ["plan.read", "GET", `/plans/${unknownPlan}/events`],
    ["plan.read", "GET", `/plans/${unknownPlan}/diff`],
    ["plan.read", "GET", `/plans/${unknownPlan}/evidence`],
    ["plan.read", "GET", `/plans/${unknownPlan}/artifacts/${"a".repeat(64)}`],
    ["plan.read", "GET", "/approvals"],
    ["plan.read", "GET", "/approvals/approval-1"],
    ["plan.read", "GET", `/plans/${unknownPlan}/logs/${"a".repeat(64)}`],
    ["plan.read", "GET", "/agents?repository=/"],
    ["plan.read", "GET", "/status"],
    ["plan.create", "POST", "/plans"],
    ["plan.create", "PUT", `/plans/${unknownPlan}/plan`],
    ["plan.approve", "POST", `/plans/${unknownPlan}/decisions`],
    ["plan.approve", "POST", `/plans/${unknownPlan}/retry`],
    ["plan.approve", "POST", "/approvals/approval-1/decisions"],
  ];

  test.each(routes)("%s is needed for %s %s", async (capability, method, path) => {
    const capabilities = everything.filter((held) => held !== capability);
    const options = { method, identity: { capabilities }, ...(method === "GET" ? {} : { body: {} }) };
    expect(await codeOf(path, options)).toEqual([403, "forbidden"]);
  });

  test.each(routes)("a token is needed besides %s for %s %s", async (_capability, method, path) => {
    for (const authorization of ["", "Bearer", "Bearer x.y.z", "Basic YTpi"]) {
      expect(await codeOf(path, { method, headers: { authorization } })).toEqual([401, "unauthenticated"]);
    }
  });

  test("a token of another key, or an old one, is none", async () => {
    const other = await mintInternalToken(
      { tenantId: "local", actor: user, capabilities: everything },
      new Uint8Array(32).fill(8),
    );
    expect(await codeOf("/plans", { headers: { authorization: `Bearer ${other}` } })).toEqual([401, "unauthenticated"]);
  });

  test("no header changes who asks", async () => {
    const { id } = await waitingPlan();
    const headers = { "x-tenant-id": "local", "x-user": "root", "x-ossaat-tenant": "local" };
    expect(await codeOf(`/plans/${id}`, { identity: { tenantId: "others" }, headers })).toEqual([404, "not_found"]);
  });
});

describe("bad requests are answered, and change nothing", () => {
  test.each([
    ["{", "not JSON"],
    ["[]", "a list"],
    ['"goal"', "a text"],
    ["null", "nothing"],
    ['{"goal":""}', "no goal"],
    [`{"goal":"${"x".repeat(100_000)}","repository":{"path":"/"}}`, "a long goal"],
    ['{"goal":"a\\u0000b","repository":{"path":"/"}}', "control characters"],
    ['{"goal":"x","repository":{"path":"/"},"user":"root"}', "an unknown field"],
    ['{"goal":"x","repository":{"path":"/nowhere/at/all"},"model":"none"}', "no repository"],
    ['{"goal":"x","repository":{"path":"relative"},"model":"none"}', "a relative path"],
  ])("POST /plans with %s", async (text) => {
    const before = (await call("/plans")).body["plans"];
    expect((await codeOf("/plans", { text })).slice(0, 2)).toEqual([400, "invalid_input"]);
    expect((await call("/plans")).body["plans"]).toEqual(before);
  });

  test("a body that is too large", async () => {
    const { status, body } = await call("/plans", { text: JSON.stringify({ goal: "x".repeat(2_000_000) }) });
    expect([status, body["code"]]).toEqual([413, "limit_exceeded"]);
  });

  test.each([{}, { decision: "explode" }, { decision: "approve" }, { decision: "approve", planHash: "short" }, []])(
    "a decision of %j",
    async (body) => {
      const { id } = await waitingPlan();
      expect(await codeOf(`/plans/${id}/decisions`, { body })).toEqual([400, "invalid_input"]);
      expect((await planOf(id)).status).toBe("awaiting_approval");
    },
  );

  test.each(["..%2f..%2fetc", "plan-'", "%00", "plan-1", "%F0%9F%92%A9", "x".repeat(5_000)])(
    "a plan named %s",
    async (name) => {
      for (const rest of ["", "/events", "/diff", "/evidence"]) {
        const [status] = await codeOf(`/plans/${name}${rest}`);
        expect([400, 404]).toContain(status);
      }
    },
  );

  test("a decision about nothing", async () => {
    const body = { decision: "approve", requestHash: "a".repeat(64) };
    expect(await codeOf("/approvals/nothing/decisions", { body })).toEqual([404, "not_found"]);
    expect(await codeOf(`/plans/${unknownPlan}/decisions`, { body: { decision: "pause" } })).toEqual([
      404,
      "not_found",
    ]);
    expect(await codeOf(`/plans/${unknownPlan}/retry`, { body: {} })).toEqual([404, "not_found"]);
  });

  test("nothing of all this was unexpected", () => {
    expect(stack.engine.lines.filter(({ level }) => level === "error")).toEqual([]);
  });
});

test("an API beside workers asks the broker nothing on its own, whatever it hears of", async () => {
  let hear: (topic: string) => void = () => undefined;
  const asked: string[] = [];
  const openQueue = () => {
    const queue = createEmbeddedQueue({ ...stack.engine, onError: () => undefined });
    return {
      ...queue,
      health: () => (asked.push("health"), queue.health()),
      depth: () => (asked.push("depth"), Promise.resolve(0)),
      publish: () => (asked.push("publish"), Promise.resolve([])),
    };
  };
  const wakes: Wakes = { send: () => undefined, isListening: () => true, onWake: (listener) => void (hear = listener) };
  const api = createOrchestrator({
    ...stack.engine,
    ...stack.parts,
    store: { ...stack.engine.store, wakes },
    sandbox: "none",
    internalKey,
    version: "1.2.3",
    stateDir: "/state",
    providerKeys: [],
    role: "api",
    openQueue,
  });
  await api.start();
  hear("queue");
  await sleep(100);
  await api.stop();
  expect(asked).toEqual([]);
});
