import { PlanId } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { decidePlan } from "../plan/decide-plan.ts";
import type { Store } from "../store/store.ts";
import { planRowOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { failStep } from "./end-step.ts";
import { createClockWatch, holdClockFor } from "./follow-clock.ts";
import type { HeldClock } from "./held-clock.ts";
import { jobEngineLimits } from "./limits.ts";
import { reemitReady, sweepLeases, sweepTimers } from "./sweep.ts";

const hourMs = 3_600_000;
const plan = { ...testPlan([testStep("a"), testStep("b")]), budget: { maxMinutes: 1 } };
const planId = plan.id;

let engine: TestEngine;
let held: HeldClock;
let followClock: () => Promise<void>;
beforeEach(async () => {
  const opened = await openTestEngine();
  const clock = holdClockFor(opened.store, opened.clock);
  if (clock === undefined) throw new Error("the store of the test must be its own");
  held = clock;
  engine = { ...opened, clock: { ...opened.clock, ...held } };
  followClock = createClockWatch(engine, held);
  await storeApproved(engine, plan);
});
afterEach(() => engine.remove());

async function setBack(): Promise<void> {
  engine.clock.jump(-hourMs);
  await followClock();
}

const backOff = async () =>
  failStep(engine, await takeStep(engine, planId, "a"), {
    reason: "provider_failed",
    code: "provider_failed",
    message: "later",
    retryable: true,
  });

describe("after the clock was set back by an hour", () => {
  test("a step waits for its retry as long as it was told, and not an hour more", async () => {
    await backOff();
    await setBack();
    await sweepTimers(engine);
    const before = (await statusesOf(engine, planId))["a"];
    engine.clock.advance(jobEngineLimits.baseBackoffMs);
    await sweepTimers(engine);
    expect([before, (await statusesOf(engine, planId))["a"]]).toEqual(["backoff", "ready"]);
  });

  test("a run ends when its minutes are over", async () => {
    await setBack();
    engine.clock.advance(59_999);
    await sweepTimers(engine);
    const before = (await planRowOf(engine, planId)).status;
    engine.clock.advance(1);
    await sweepTimers(engine);
    expect([before, (await statusesOf(engine, planId))["a"]]).toEqual(["pending", "failed: timeout"]);
  });

  test("a lease runs out after its time", async () => {
    await takeStep(engine, planId, "a");
    await setBack();
    engine.clock.advance(jobEngineLimits.leaseMs);
    const before = await sweepLeases(engine);
    engine.clock.advance(1);
    expect([before, await sweepLeases(engine)]).toEqual([0, 1]);
  });

  test("a ready step without a message is announced again after its time", async () => {
    await engine.store.tx((tx) => tx.deleteFrom("outbox").execute());
    await setBack();
    engine.clock.advance(jobEngineLimits.reemitAfterMs);
    expect(await reemitReady(engine)).toBe(2);
  });

  test("a step that was asked to stop has its grace, and not an hour more", async () => {
    await takeStep(engine, planId, "a");
    await decidePlan({ engine, models: noModels }, { planId, decision: { decision: "cancel" }, actor: user });
    const before = (await planRowOf(engine, planId)).cancel_at ?? 0;
    await setBack();
    expect((await planRowOf(engine, planId)).cancel_at).toBe(before - hourMs);
  });
});

test("a run that is approved before anybody noticed that the clock was set back has all its minutes", async () => {
  const late = { ...plan, id: PlanId.parse("plan-00000000-0000-4000-8000-000000000002") };
  engine.clock.jump(-hourMs);
  await storeApproved(engine, late);
  await followClock();
  engine.clock.advance(59_999);
  await sweepTimers(engine);
  const before = (await planRowOf(engine, late.id)).status;
  engine.clock.advance(1);
  await sweepTimers(engine);
  expect([before, (await statusesOf(engine, late.id))["a"]]).toEqual(["pending", "failed: timeout"]);
});

test("times are moved once when the store fails at first", async () => {
  await takeStep(engine, planId, "a");
  const before = (await stepRowOf(engine, planId, "a")).lease_until ?? 0;
  const full: Pick<Store, "tx"> = {
    tx: (work) =>
      engine.store.tx(async (tx) => {
        await work(tx);
        throw new Error("the disk is full");
      }),
  };
  const failing = createClockWatch({ log: engine.log, store: { ...engine.store, ...full } }, held);
  engine.clock.jump(-hourMs);
  await expect(failing()).rejects.toThrow("the disk is full");
  await followClock();
  await followClock();
  expect((await stepRowOf(engine, planId, "a")).lease_until).toBe(before - hourMs);
});

test.each([
  ["goes forward by an hour", hourMs],
  ["is adjusted a little", 1 - jobEngineLimits.minClockStepMs],
])("a clock that %s moves nothing", async (_name, ms) => {
  await takeStep(engine, planId, "a");
  const before = await stepRowOf(engine, planId, "a");
  engine.clock.jump(ms);
  await followClock();
  engine.clock.jump(-ms);
  expect(await stepRowOf(engine, planId, "a")).toEqual(before);
});
