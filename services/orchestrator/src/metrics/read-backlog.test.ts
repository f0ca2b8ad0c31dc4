// Figures of the database, on whatever database the project of the test stands on.
import { PlanId } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { readExposition } from "@ossaat/telemetry/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createEmbeddedQueue } from "../job/adapters/embedded.ts";
import { claimStep, isClaim } from "../job/claim-step.ts";
import type { NoClaim } from "../job/claim-step.ts";
import type { Claim } from "../job/engine.ts";
import { failStep, releaseStep } from "../job/end-step.ts";
import { jobEngineLimits } from "../job/limits.ts";
import { createHeldSweep } from "../job/release-held.ts";
import { loseClaim, sweepLeases } from "../job/sweep.ts";
import { createWorker } from "../job/worker.ts";
import { messagesOf, takeStep } from "../testing/take-step.ts";
import { openTestEngine, storeApproved, storeProposal } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createMetrics } from "./create-metrics.ts";
import { metricsLimits } from "./limits.ts";
import { readBacklog } from "./read-backlog.ts";

let engine: TestEngine;
const planA = testPlan([testStep("a"), { ...testStep("b"), needs: [] }]);

beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const none = { count: 0, oldestSeconds: null };
const noneHeld = ["plan", "repository", "tenant"].map((cap) => ({ cap, waiting: none }));
const approvals = (kinds: Record<string, object>) =>
  ["plan", "step", "call", "reconcile"].map((kind) => ({ kind, waiting: kinds[kind] ?? none }));

test("nothing is told as nothing", async () => {
  expect(await readBacklog(engine, ["default"])).toEqual({
    pools: [{ pool: "default", ready: none, running: 0, backoff: 0, needsReconcile: 0, outbox: none }],
    held: noneHeld,
    approvals: approvals({}),
  });
});

test("steps count by status, where their plan goes on; messages and questions by their age", async () => {
  const planId = await storeApproved(engine, planA);
  engine.clock.advance(3_000);
  const [message] = await messagesOf(engine, planId);
  if (message === undefined) throw new Error("there is no message");
  expect(await claimStep(engine, message, "worker-1")).toMatchObject({ at: engine.clock.now() });
  await storeProposal(
    engine,
    testPlan([testStep("a")], { id: PlanId.parse("plan-00000000-0000-4000-8000-00000000000b") }),
  );
  engine.clock.advance(2_000);
  const waiting = { count: 1, oldestSeconds: 5 };
  expect(await readBacklog(engine, ["default", "other"])).toEqual({
    pools: [
      { pool: "default", ready: waiting, running: 1, backoff: 0, needsReconcile: 0, outbox: waiting },
      { pool: "other", ready: none, running: 0, backoff: 0, needsReconcile: 0, outbox: none },
    ],
    held: noneHeld,
    approvals: approvals({ plan: { count: 1, oldestSeconds: 2 } }),
  });
  await engine.store.tx((tx) => tx.updateTable("plan").set({ status: "paused" }).where("id", "=", planId).execute());
  // A worker must not be started for what may not start.
  expect((await readBacklog(engine, ["default"])).pools).toEqual([
    { pool: "default", ready: none, running: 1, backoff: 0, needsReconcile: 0, outbox: waiting },
  ]);
});

test("a lease that is lost is counted, whoever takes it back", async () => {
  const planId = await storeApproved(engine, planA);
  const queue = createEmbeddedQueue({ store: engine.store, clock: engine.clock, onError: () => undefined });
  const metrics = createMetrics({ engine, queue, pools: ["default"], hasBroker: false });
  const lost = async () => readExposition(await metrics()).value("ossaat_lease_lost_total") ?? 0;
  const before = await lost();
  const claims: (Claim | NoClaim)[] = [];
  for (const message of await messagesOf(engine, planId)) claims.push(await claimStep(engine, message, "worker-1"));
  const [given] = claims;
  if (given === undefined || !isClaim(given)) throw new Error("nothing was claimed");
  await loseClaim(engine, given);
  expect((await lost()) - before).toBe(1);
  engine.clock.advance(jobEngineLimits.leaseMs + 1);
  await sweepLeases(engine);
  await sweepLeases(engine);
  expect((await lost()) - before).toBe(2);
  await queue.close({ drainMs: 0 });
});

test("what waits at a broker is told where there is one", async () => {
  await storeApproved(engine, planA);
  const queue = createEmbeddedQueue({ store: engine.store, clock: engine.clock, onError: () => undefined });
  const depthOf = async (hasBroker: boolean) =>
    readExposition(await createMetrics({ engine, queue, pools: ["default"], hasBroker })()).value(
      "ossaat_broker_depth",
      { pool: "default" },
    );
  expect([await depthOf(true), await depthOf(false)]).toEqual([2, undefined]);
  await queue.close({ drainMs: 0 });
});

test("a database out of reach fails no scrape: it says so, and no old figure stands", async () => {
  await storeApproved(engine, planA);
  const queue = createEmbeddedQueue({ store: engine.store, clock: engine.clock, onError: () => undefined });
  const metrics = createMetrics({ engine, queue, pools: ["default"], hasBroker: false });
  const scrape = async () => readExposition(await metrics());
  const figures = async () => {
    const read = await scrape();
    return ["ossaat_store_up", "ossaat_queue_up"]
      .map((name) => read.value(name))
      .concat(read.value("ossaat_jobs_ready", { pool: "default" }));
  };
  expect(await figures()).toEqual([1, 1, 2]);
  await queue.close({ drainMs: 0 });
  await engine.store.close();
  engine.clock.advance(metricsLimits.cacheMs);
  expect(await figures()).toEqual([0, 0, undefined]);
  expect(await figures()).toEqual([0, 0, undefined]);
  // It was asked once for both scrapes, and the log says what is wrong.
  expect(engine.lines.filter(({ message }) => message.startsWith("figures for metrics"))).toHaveLength(2);
});

test("a step waits anew with each attempt, however long the one before it ran", async () => {
  const planId = await storeApproved(engine, planA);
  engine.clock.advance(60_000);
  await releaseStep(engine, await takeStep(engine, planId, "a"), "stop");
  await takeStep(engine, planId, "b");
  engine.clock.advance(4_000);
  expect((await readBacklog(engine, ["default"])).pools[0]?.ready).toEqual({ count: 1, oldestSeconds: 4 });
});

test("a message that is written anew is as old as it is, however long ago its step became ready", async () => {
  const planId = await storeApproved(engine, planA);
  engine.clock.advance(3_600_000);
  const claim = await takeStep(engine, planId, "a");
  await takeStep(engine, planId, "b");
  await releaseStep(engine, claim, "stop");
  engine.clock.advance(10);
  const outboxNow = async () => (await readBacklog(engine, ["default"])).pools[0]?.outbox;
  expect(await outboxNow()).toEqual({ count: 1, oldestSeconds: 0.01 });
  // By a version that did not say when it was.
  await engine.store.tx((tx) => tx.updateTable("outbox").set({ written_at: null }).execute());
  expect(await outboxNow()).toEqual({ count: 1, oldestSeconds: 3_600.01 });
});

test("a message that is let out of a line was not ready to be handed over before", async () => {
  const capped = { ...engine, dispatch: { caps: { tenant: 1 } } };
  const planId = await storeApproved(capped, planA);
  const [first, second] = await messagesOf(engine, planId);
  if (first === undefined || second === undefined) throw new Error("there are no two messages");
  const claim = await claimStep(capped, first, "worker-1");
  expect(await claimStep(capped, second, "worker-1")).toBe("held");
  engine.clock.advance(60_000);
  if (!isClaim(claim)) throw new Error("nothing was claimed");
  await failStep(capped, claim, { reason: "internal", code: "internal", message: "it failed", retryable: false });
  await createHeldSweep(capped)();
  engine.clock.advance(20);
  expect((await readBacklog(engine, ["default"])).pools[0]?.outbox).toEqual({ count: 1, oldestSeconds: 0.02 });
});

test("what waits for room under a cap is counted by the cap, and is not stale", async () => {
  const capped = { ...engine, dispatch: { caps: { tenant: 1 } } };
  const planId = await storeApproved(capped, planA);
  engine.clock.advance(1_000);
  const queue = createEmbeddedQueue({ store: engine.store, clock: engine.clock, onError: () => undefined });
  const metrics = createMetrics({ engine, queue, pools: ["default"], hasBroker: false });
  const read = async () => {
    const text = readExposition(await metrics());
    return ["ossaat_held_total", "ossaat_stale_total"].map((name) => text.value(name, { pool: "default" }) ?? 0);
  };
  const before = await read();
  const worker = createWorker({
    engine: capped,
    queue,
    runStep: (_claim, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    workerId: "worker-1",
    pool: "default",
    slots: 2,
  });
  worker.start();
  const heldNow = async () => (await readBacklog(engine, ["default"])).held.find(({ cap }) => cap === "tenant");
  await waitUntil("one is held", async () => (await heldNow())?.waiting.count === 1);
  expect(await heldNow()).toEqual({ cap: "tenant", waiting: { count: 1, oldestSeconds: 1 } });
  // The worker counts what it was told once it has been told.
  const sinceThen = async () => (await read()).map((value, n) => value - (before[n] ?? 0));
  await waitUntil("it is counted", async () => (await sinceThen())[0] !== 0);
  expect(await sinceThen()).toEqual([1, 0]);
  await worker.stop();
  await queue.close({ drainMs: 1_000 });
  expect(await messagesOf(engine, planId)).toHaveLength(2);
});
