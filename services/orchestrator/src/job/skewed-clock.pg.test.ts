// Three replicas on one database, of which one has a clock that is an hour ahead and one an hour
// behind: what waits goes by the server's clock, whoever writes it and whoever looks.
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { PlanId } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { decidePlan } from "../plan/decide-plan.ts";
import { openOwnedPostgresStore, openPostgresStore } from "../store/adapters/postgres.ts";
import type { Store } from "../store/store.ts";
import { planRowOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { askPostgres, createTestDatabase } from "../testing/postgres.ts";
import type { TestDatabase } from "../testing/postgres.ts";
import { messagesOf, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { failStep } from "./end-step.ts";
import { holdClockFor } from "./follow-clock.ts";
import { jobEngineLimits } from "./limits.ts";
import { reemitReady, sweepCancelled, sweepTimers } from "./sweep.ts";
import { createSweeper } from "./sweeper.ts";

const hourMs = 3_600_000;

let database: TestDatabase;
let base: TestEngine;
let store: Store;
let ahead: TestEngine;
let behind: TestEngine;
let here: TestEngine;
beforeAll(async () => {
  database = await createTestDatabase();
  base = await openTestEngine();
  store = await openPostgresStore({ url: database.url });
  const skewed = (ms: number): TestEngine => ({
    ...base,
    store,
    clock: { ...base.clock, now: () => Date.now() + ms },
  });
  [ahead, behind, here] = [skewed(hourMs), skewed(-hourMs), skewed(0)];
});
afterAll(async () => {
  await store.close();
  await base.remove();
  await database.drop();
});

const storePlan = (engine: TestEngine, maxMinutes?: number) =>
  storeApproved(
    engine,
    testPlan([testStep("a")], {
      id: PlanId.parse(`plan-${base.ids.uuid()}`),
      ...(maxMinutes === undefined ? {} : { budget: { maxMinutes } }),
    }),
  );
const change = (text: string) => askPostgres(database.url, text);
const cancel = (engine: TestEngine, planId: string) =>
  decidePlan({ engine, models: noModels }, { planId, decision: { decision: "cancel" }, actor: user });

/** Milliseconds from now to a column's time, by the server. */
async function timeTo(column: string, table: string, planId: string): Promise<number> {
  const left = `select ${column} - extract(epoch from clock_timestamp()) * 1000 as ms from ${table}`;
  const [row] = await change(`${left} where plan_id = '${planId}'`);
  return Number(row?.["ms"]);
}
/** Within the time it was given, less what this test took. */
function expectSoon(leftMs: number, givenMs: number): void {
  expect(leftMs).toBeLessThanOrEqual(givenMs);
  expect(leftMs).toBeGreaterThan(givenMs - hourMs / 2);
}

const writers = [
  ["ahead", () => ahead],
  ["behind", () => behind],
] as const;

test.each(writers)("a retry that a replica %s asked for is due when it should be, for all", async (_name, writer) => {
  const planId = await storePlan(here);
  await failStep(writer(), await takeStep(writer(), planId, "a"), {
    reason: "provider_failed",
    code: "provider_failed",
    message: "later",
    retryable: true,
    retryAfterMs: 60_000,
  });
  expectSoon(await timeTo("due_at", "timer", planId), 120_000);
  expect(await timeTo("due_at", "timer", planId)).toBeGreaterThan(0);
  await sweepTimers(ahead);
  expect(await stepRowOf(here, planId, "a")).toMatchObject({ status: "backoff" });
  await change(`update timer set due_at = due_at - 120000 where plan_id = '${planId}'`);
  await sweepTimers(behind);
  expect(await stepRowOf(here, planId, "a")).toMatchObject({ status: "ready", attempt: 2 });
  await cancel(here, planId);
});

test.each(writers)("a run that a replica %s approved has its minutes", async (_name, writer) => {
  const planId = await storePlan(writer(), 10);
  expectSoon(await timeTo("due_at", "timer", planId), 600_000);
  await sweepTimers(ahead);
  expect(await statusesOf(here, planId)).toMatchObject({ a: "ready" });
  await change(`update timer set due_at = due_at - 600000 where plan_id = '${planId}'`);
  await sweepTimers(behind);
  expect(await statusesOf(here, planId)).toMatchObject({ a: "failed: timeout" });
  await cancel(here, planId);
});

test.each(writers)("a step that a replica %s asked to stop has its grace", async (_name, writer) => {
  const planId = await storePlan(here);
  await takeStep(here, planId, "a");
  await cancel(writer(), planId);
  await sweepCancelled(ahead);
  expect((await planRowOf(here, planId)).status).toBe("cancelling");
  await change(`update plan set cancel_at = cancel_at - ${jobEngineLimits.cancelGraceMs} where id = '${planId}'`);
  await sweepCancelled(behind);
  expect((await planRowOf(here, planId)).status).toBe("cancelled");
});

test.each(writers)("a step that a replica %s made ready is announced again after its time", async (_name, writer) => {
  const planId = await storePlan(writer());
  await change(`delete from outbox where plan_id = '${planId}'`);
  expect(await reemitReady(ahead)).toBe(0);
  const { reemitAfterMs } = jobEngineLimits;
  await change(`update step set announced_at = announced_at - ${reemitAfterMs} where plan_id = '${planId}'`);
  expect(await reemitReady(behind)).toBe(1);
  expect(await messagesOf(here, planId)).toHaveLength(1);
  await cancel(here, planId);
});

test("a replica whose clock is set back moves nothing that others wait for", async () => {
  const planId = await storePlan(here, 10);
  await takeStep(here, planId, "a");
  const look = async () => [
    await change(`select due_at from timer where plan_id = '${planId}'`),
    await stepRowOf(here, planId, "a"),
  ];
  const before = await look();
  const engine = { ...base, store };
  const sweeper = createSweeper(engine, holdClockFor(store, base.clock));
  sweeper.start();
  base.clock.jump(-hourMs);
  await sleep(2 * jobEngineLimits.pollMs);
  await sweeper.stop();
  expect(await look()).toEqual(before);
});

test("a server that has the database for itself goes by the database's clock, too", async () => {
  const own = await createTestDatabase();
  const folderFile = path.join(base.folder, "owned.db");
  const owned = await openOwnedPostgresStore({ url: own.url, folderFile, onTaken: () => undefined });
  try {
    expect(holdClockFor(owned, base.clock)).toBeUndefined();
  } finally {
    await owned.close();
    await own.drop();
  }
});
