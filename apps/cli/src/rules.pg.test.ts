// A deployment keeps the rules of its server as one process does: each is set for the real processes, and
// holds for whoever asks.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "@ossaat/client";
import type { Client } from "@ossaat/client";
import { AgentError } from "@ossaat/contracts";
import type { CreatePlanRequest } from "@ossaat/contracts";
import { startPostgres } from "@ossaat/testkit";
import type { PostgresServer } from "@ossaat/testkit";
import { createWorld } from "@ossaat/testkit/chaos";
import type { World } from "@ossaat/testkit/chaos";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";

import { servicesIn } from "./testing/fleet-services.ts";
import { startFleet } from "./testing/fleet.ts";
import type { Fleet } from "./testing/fleet.ts";
import { openDatabase } from "./testing/open-database.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres({ commits: "memory" });
});
afterAll(() => server.remove());

let world: World;
let fleet: Fleet | undefined;
let storeUrl: string;
beforeEach(async () => {
  world = createWorld();
  storeUrl = await server.createDatabase();
});
afterEach(async () => {
  await fleet?.close();
  fleet = undefined;
  world.remove();
});

async function deploy(settings: Record<string, string>, workers = 0): Promise<Fleet> {
  const folder = path.join(world.folder, "fleet");
  fleet = await startFleet({
    services: servicesIn(inject("fleetFolder")),
    folder,
    storeUrl,
    settings,
    requestLog: world.requestLog,
    apis: 1,
    workers,
  });
  return fleet;
}

function clientOf({ gatewayUrl, token }: Fleet): Client {
  return createClient({ baseUrl: () => gatewayUrl, token: () => token });
}

const requestOf = (changes: Partial<CreatePlanRequest> = {}): CreatePlanRequest => ({
  goal: "Do one thing",
  repository: { path: world.repository },
  model: "none",
  ...changes,
});

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (thrown: unknown) => AgentError.from(thrown),
  );

test("its orchestrators hold every plan to caps, models and a number of open steps", async () => {
  const running = await deploy({
    OSSAAT_MAX_OPEN_STEPS: "1",
    OSSAAT_MAX_COST_USD: "1.5",
    OSSAAT_MAX_TOKENS: "1000",
    OSSAAT_MAX_MINUTES: "30",
    OSSAAT_ALLOWED_MODELS: "anthropic/*, openai/*",
  });
  await running.ready();
  const client = clientOf(running);
  const other = await refusal(client.createPlan(requestOf({ model: world.writeModel([]) })));
  expect([other?.code, other?.message, other?.next]).toEqual([
    "policy_denied",
    expect.stringContaining("is not allowed here: anthropic/*, openai/*."),
    expect.stringContaining("OSSAAT_ALLOWED_MODELS"),
  ]);
  const plan = await client.createPlan(requestOf({ budget: { maxCostUsd: 100, maxTokens: 10 } }));
  expect(plan.budget).toEqual({ maxCostUsd: 1.5, maxTokens: 10, maxMinutes: 30 });
  const over = await refusal(client.createPlan(requestOf()));
  expect([over?.code, over?.message, over?.next]).toEqual([
    "rate_limited",
    "There are 1 unfinished steps already, the most allowed here.",
    expect.stringContaining("OSSAAT_MAX_OPEN_STEPS"),
  ]);
});

test("in run mode enterprise none starts beside a tool runner without a sandbox, nor where it is required", async () => {
  for (const settings of [{ OSSAAT_RUN_MODE: "enterprise" }, { OSSAAT_SANDBOX_REQUIRED: "true" }]) {
    const api = (await deploy(settings)).member("api-0");
    for (let tries = 0; tries < 400 && api.isAlive; tries += 1) await sleep(100);
    expect([api.isAlive, api.log()]).toEqual([false, expect.stringContaining("the sandbox is required")]);
    await fleet?.close();
  }
});

test("working trees of a plan that did not succeed go after their days, once a worker looks for them", async () => {
  const running = await deploy({ OSSAAT_KEEP_DAYS: "15" }, 1);
  await running.ready();
  const worker = running.member("worker-0");
  await worker.end("SIGTERM");
  const client = clientOf(running);
  const database = await openDatabase(storeUrl);
  const trees: string[] = [];
  for (const days of [16, 14.5]) {
    const plan = await client.createPlan(requestOf());
    const finishedAt = Date.now() - days * 24 * 60 * 60 * 1_000;
    await database.query("delete from outbox where plan_id = ?", [plan.id]);
    await database.query("update step set status = 'cancelled' where plan_id = ?", [plan.id]);
    await database.query("update plan set status = 'failed', finished_at = ? where id = ?", [
      String(finishedAt),
      plan.id,
    ]);
    const tree = path.join(world.folder, "fleet", "runner", "workspaces", plan.id);
    mkdirSync(path.join(tree, "work"), { recursive: true });
    writeFileSync(path.join(tree, "work", "file"), "x");
    trees.push(tree);
  }
  // As when its pause is over.
  await database.query("delete from sweep", []);
  await database.close();
  worker.start();
  for (let tries = 0; tries < 300 && existsSync(trees[0]!); tries += 1) await sleep(100);
  await worker.end("SIGTERM");
  expect(trees.map((tree) => existsSync(tree))).toEqual([false, true]);
});

test("of two workers with one name the second goes under a name of its own", async () => {
  const running = await deploy({ OSSAAT_WORKER_NAME: "twin" }, 2);
  await running.ready();
  const told = ["worker-0", "worker-1"].map(
    (name) =>
      running
        .member(name)
        .log()
        .match(/"own":"(twin-\w+)"/u)?.[1],
  );
  expect(told.filter((own) => own !== undefined)).toEqual([expect.stringMatching(/^twin-[0-9a-f]{16}$/u)]);
});
