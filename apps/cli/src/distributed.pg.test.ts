// A deployment of real processes, with mutual TLS between them, whose processes are killed all the time:
// its plans end as they do in one process, and nobody who reads along misses anything.
import { existsSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "@ossaat/client";
import type { PlanEvent } from "@ossaat/contracts";
import { mintInternalToken } from "@ossaat/orchestrator/identity";
import {
  checkPlan,
  describeBadEnds,
  findBranchProblems,
  findEffectProblems,
  findRepeatedTurns,
  findStreamProblems,
  readBranch,
  readPlanFacts,
  startPostgres,
} from "@ossaat/testkit";
import type { PostgresServer } from "@ossaat/testkit";
import {
  Person,
  baseFiles,
  createRandom,
  createWorld,
  effectCalls,
  expectedFiles,
  writeScript,
} from "@ossaat/testkit/chaos";
import type { PlanShape, ShapeStep, StepTwist, World } from "@ossaat/testkit/chaos";
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from "vitest";

import { loadConfig } from "./config.ts";
import { readServerFile } from "./server/server-file.ts";
import { serve } from "./server/serve.ts";
import { comparableLog, comparableOutcome } from "./testing/comparable-log.ts";
import { servicesIn } from "./testing/fleet-services.ts";
import { startFleet } from "./testing/fleet.ts";
import { killInTurn } from "./testing/kill-in-turn.ts";
import type { Fleet } from "./testing/fleet.ts";
import { openDatabase } from "./testing/open-database.ts";

const services = servicesIn(inject("fleetFolder"));

/** Milliseconds within which the plans have to end once nothing is killed any more. */
const settleMs = 90_000;

const writer = (id: string, twist: StepTwist, ...needs: string[]): ShapeStep => ({ id, kind: "write", needs, twist });
const audit = (id: string, ...needs: string[]): ShapeStep => ({ id, kind: "audit", needs, twist: "plain" });

/** Effects may be repeated, as an interrupted call is; nothing here asks a person in the middle. */
const shapes: PlanShape[] = [
  { goal: "Do one thing", steps: [writer("a0", "effect"), audit("a1", "a0")], incident: undefined },
  {
    goal: "Do things one after the other",
    steps: [writer("b0", "slow"), writer("b1", "plain", "b0"), audit("b2", "b1")],
    incident: undefined,
  },
  {
    goal: "Do things at once and join them",
    steps: [
      writer("c0-shared", "effect"),
      writer("c1-shared", "slow"),
      { id: "cjoin", kind: "merge", needs: ["c0-shared", "c1-shared"], twist: "plain" },
    ],
    incident: undefined,
  },
  { goal: "Do it after a no", steps: [writer("d0", "rejected"), writer("d1", "slow", "d0")], incident: undefined },
];

let server: PostgresServer;
/** Logs of the same plans in one process, by goal. */
let embedded: Map<string, PlanEvent[]>;
beforeAll(async () => {
  server = await startPostgres({ commits: "memory" });
  embedded = await runEmbedded();
});
afterAll(() => server.remove());

let world: World;
let fleet: Fleet | undefined;
let database: Awaited<ReturnType<typeof openDatabase>> | undefined;
beforeEach(() => {
  world = createWorld();
});
afterEach(async () => {
  await database?.close();
  database = undefined;
  await fleet?.close();
  fleet = undefined;
  world.remove();
});

const modelOf = () => world.writeModel(writeScript(shapes, { effectLog: world.effectLog, random: createRandom(7) }));

async function until(isTrue: () => boolean, limitMs: number): Promise<boolean> {
  const end = Date.now() + limitMs;
  while (!isTrue() && Date.now() < end) await sleep(50);
  return isTrue();
}

/** Logs by goal of the same plans in one process. */
async function runEmbedded(): Promise<Map<string, PlanEvent[]>> {
  const alone = createWorld();
  const config = {
    ...(await loadConfig({
      environment: { OSSAAT_STATE_DIR: alone.stateDir, XDG_CACHE_HOME: alone.cacheDir, HOME: alone.folder },
    })),
    modelRequestLog: alone.requestLog,
  };
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const running = await serve({ config, sandbox: "none", port: 0, idleMs: undefined, log });
  const token = readServerFile(alone.stateDir)?.token ?? "";
  const model = alone.writeModel(writeScript(shapes, { effectLog: alone.effectLog, random: createRandom(7) }));
  const person = new Person({ repository: alone.repository, model, address: () => ({ url: running.url, token }) });
  await Promise.all(shapes.map((shape) => person.submit(shape, shape.goal)));
  const isDone = await until(() => person.isDone(), settleMs);
  const logs = person.ends().map(({ id }) => {
    const events = [...(person.captures(id)[0]?.events ?? [])];
    return [person.shapeOf(id)?.goal ?? "", normalize(events, alone)] as const;
  });
  expect([isDone, await person.leave()]).toEqual([true, []]);
  await running.stop("done");
  alone.remove();
  return new Map(logs);
}

/** Events as if they had happened in the one world. */
function normalize(events: readonly PlanEvent[], from: World): PlanEvent[] {
  return JSON.parse(JSON.stringify(events).replaceAll(from.folder, "/world")) as PlanEvent[];
}

/** Reads a plan's stream from one replica after the other, changing all the time; resolves at its end. */
async function wander(planId: string, { replicas, internalKey }: Fleet, signal: AbortSignal) {
  const events: PlanEvent[] = [];
  const visited = new Set<string>();
  let turn = 0;
  const identity = { tenantId: "local", actor: { kind: "user" as const, id: "reader" }, capabilities: ["plan.read"] };
  while (!signal.aborted && events.at(-1)?.type !== "plan.finished") {
    const origin = replicas[turn++ % replicas.length] ?? "";
    const client = createClient({ baseUrl: () => origin, token: () => mintInternalToken(identity, internalKey) });
    const leave = AbortSignal.any([signal, AbortSignal.timeout(400)]);
    try {
      for await (const item of client.watchPlan(planId, { afterSeq: events.at(-1)?.seq ?? 0, signal: leave })) {
        if (item.kind === "reconnecting") break;
        if (item.kind !== "state") continue;
        visited.add(origin);
        events.push(item.event);
      }
    } catch {
      // A replica that was killed, or the time to leave: the next one goes on where this one was.
      await sleep(50);
    }
  }
  return { events, visited };
}

/** The kinds of live text that a reader of the whole stream gets. */
async function readLive(client: ReturnType<typeof createClient>, planId: string): Promise<string[]> {
  const types = new Set<string>();
  const { signal } = new AbortController();
  for await (const item of client.watchPlan(planId, { signal })) {
    if (item.kind === "live") types.add(item.event.type);
  }
  return [...types];
}

test("plans end as in one process while a process is killed every 2 s, and readers miss nothing", async () => {
  const url = await server.createDatabase();
  const folder = path.join(world.folder, "fleet");
  fleet = await startFleet({ services, folder, storeUrl: url, requestLog: world.requestLog, apis: 2, workers: 3 });
  const { gatewayUrl, token } = fleet;
  await fleet.ready();
  const rows = await openDatabase(url);
  database = rows;
  const person = new Person({
    repository: world.repository,
    model: modelOf(),
    address: () => ({ url: gatewayUrl, token }),
  });
  const stop = new AbortController();
  const submitted = shapes.map((shape) => person.submit(shape, shape.goal));
  const killing = killInTurn(fleet, rows.query, { isOver: () => person.isDone(), seed: 11 });
  const ids = await Promise.all(submitted);
  const readers = ids.map((id) => wander(id, fleet!, stop.signal));
  const kills = await killing;
  const isDone = await until(() => person.isDone(), settleMs);
  const seen = isDone ? await Promise.all(readers) : [];
  stop.abort();
  expect([isDone ? [] : person.describe(), await person.leave()]).toEqual([[], []]);
  expect(kills.length).toBeGreaterThan(2);
  // What was killed last may still be starting.
  await fleet.ready();

  const requests = world.requests();
  for (const [n, id] of ids.entries()) {
    const shape = shapes[n]!;
    const facts = await readPlanFacts(rows.query, id);
    const { events } = facts;
    expect(checkPlan(facts)).toEqual([]);
    expect([facts.plan.status, describeBadEnds(events)]).toEqual(["succeeded", []]);
    const wandering = { reader: "the wandering reader", events: seen[n]!.events };
    expect(findStreamProblems(events, [...person.captures(id), wandering])).toEqual([]);
    expect([...seen[n]!.visited].sort()).toEqual([...fleet.replicas].sort());
    const calls = effectCalls(shape.steps);
    const effects = world.effects().filter(({ planId }) => planId === id);
    expect(findEffectProblems(events, effects, (step, call) => calls.has(`${step} ${call}`))).toEqual([]);
    expect(findRepeatedTurns(requests.filter(({ planId }) => planId === id))).toEqual([]);
    const branch = readBranch(world.repository, `ossaat/${id}`, world.base);
    const files = { ...baseFiles, ...expectedFiles(shape) };
    const state = await createClient({ baseUrl: () => gatewayUrl, token: () => token }).getPlan(id);
    expect(findBranchProblems(branch, { plan: state, events, files })).toEqual([]);
    const alone = embedded.get(shape.goal) ?? [];
    expect(comparableOutcome(normalize(events, world), "/world")).toEqual(comparableOutcome(alone, "/world"));
  }
}, 300_000);

test("a plan nobody disturbs has the log of one process, event for event; a worker that is told to stop gives back", async () => {
  const url = await server.createDatabase();
  const folder = path.join(world.folder, "fleet");
  fleet = await startFleet({ services, folder, storeUrl: url, requestLog: world.requestLog, apis: 1, workers: 1 });
  const { gatewayUrl, token } = fleet;
  await fleet.ready();
  const person = new Person({
    repository: world.repository,
    model: modelOf(),
    address: () => ({ url: gatewayUrl, token }),
  });
  const first = await person.submit(shapes[0]!, "first");
  const client = createClient({ baseUrl: () => gatewayUrl, token: () => token });
  const live = readLive(client, first);
  expect(await until(() => person.isDone(), settleMs)).toBe(true);
  // The API runs no step: what a model says on its way comes from the worker.
  expect(await live).toContain("model.delta");
  const log = normalize(person.captures(first)[0]!.events, world);
  expect(comparableLog(log, "/world")).toEqual(comparableLog(embedded.get(shapes[0]!.goal) ?? [], "/world"));

  const second = await person.submit(shapes[1]!, "second");
  const eventsOf = () => person.captures(second)[0]!.events;
  expect(
    await until(() => eventsOf().some(({ type, stepId }) => type === "tool.started" && stepId === "b0"), settleMs),
  ).toBe(true);
  const worker = fleet.member("worker-0");
  expect(await worker.end("SIGTERM")).toEqual({ code: 0, signal: null });
  expect(worker.log()).toContain("the orchestrator has stopped");
  worker.start();
  expect(await until(() => person.isDone(), settleMs)).toBe(true);
  expect(person.ends().map(({ status }) => status)).toEqual(["succeeded", "succeeded"]);
  const types = eventsOf().map(({ type }) => type);
  expect([types.includes("step.released"), types.includes("step.lost")]).toEqual([true, false]);
  expect(await person.leave()).toEqual([]);
  // The only replica that there is, killed and started again.
  await fleet.member("api-0").end("SIGKILL");
  fleet.member("api-0").start();
  await fleet.ready();
  expect((await client.getPlan(second)).status).toBe("succeeded");
  for (const name of ["api-0", "gateway", "runner", "indexer"]) {
    expect([name, await fleet.member(name).end("SIGTERM")]).toEqual([name, { code: 0, signal: null }]);
  }
  expect(existsSync(path.join(world.repository, ".git"))).toBe(true);
}, 300_000);
