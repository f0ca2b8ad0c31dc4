import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { decidePlan } from "../plan/decide-plan.ts";
import { proposePlan } from "../plan/propose-plan.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { eventsOf, lastSeqOf, planRowOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { endByLastStep, messagesOf, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { reserve } from "./budget.ts";
import { changeClaimed, recordProgress } from "./claim-step.ts";
import { completeStep, releaseStep } from "./end-step.ts";
import type { Claim } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { reemitReady, sweepCancelled, sweepLeases, sweepTimers } from "./sweep.ts";

const plan = testPlan([testStep("a"), testStep("b", { needs: ["a"] })]);
const planId = plan.id;
const done = { summary: "done", head: "h" };

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const decide = (decision: Parameters<typeof decidePlan>[1]["decision"]) =>
  decidePlan({ engine, models: noModels }, { planId, decision, actor: user });
const reserveTurn = (claim: Claim) =>
  changeClaimed(engine, claim, async (change) => {
    const reservation = { tokens: 100, costUsd: 0.5 };
    await reserve(change.tx, { plan: change.plan, stepId: claim.stepId, budget: {}, reservation });
    await change.append({
      type: "budget.reserved",
      stepId: claim.stepId,
      attempt: claim.attempt,
      data: { turn: 1, requestAttempt: 1, ...reservation },
    });
  });

/** The worker dies; after its lease the step is taken back and becomes ready again. */
async function dieAndComeBack(): Promise<void> {
  engine.clock.advance(jobEngineLimits.leaseMs + 1);
  await sweepLeases(engine);
  engine.clock.advance(jobEngineLimits.maxBackoffMs);
  await sweepTimers(engine);
}

describe("work that was begun", () => {
  const other = testPlan([testStep("z")], { id: "plan-00000000-0000-4000-8000-000000000002" as typeof planId });
  const waiting = async () => {
    const rows = await engine.store.read
      .selectFrom("outbox")
      .select("step_id")
      .orderBy("priority", "desc")
      .orderBy("available_at")
      .orderBy("id")
      .execute();
    return rows.map(({ step_id: stepId }) => stepId);
  };

  test.each([
    ["a restart", () => sweepLeases(engine, () => true)],
    ["a stop of the server", (claim: Claim) => releaseStep(engine, claim, "stop")],
  ])("goes on after %s before what has not started, however long that waits", async (_name, interrupt) => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    engine.clock.advance(1_000);
    await storeApproved(engine, other);
    engine.clock.advance(1_000);
    await interrupt(claim);
    await sweepTimers(engine);
    expect(await waiting()).toEqual(["a", "z"]);
  });
});

describe("a lost lease", () => {
  test("is taken back only after its time, with what it had reserved", async () => {
    await storeApproved(engine, plan);
    await reserveTurn(await takeStep(engine, planId, "a"));
    expect(await planRowOf(engine, planId)).toMatchObject({ reserved_tokens: 100, reserved_cost_usd: 0.5 });
    engine.clock.advance(jobEngineLimits.leaseMs);
    expect(await sweepLeases(engine)).toBe(0);
    engine.clock.advance(1);
    const before = await lastSeqOf(engine, planId);
    expect(await sweepLeases(engine)).toBe(1);
    expect(await eventsOf(engine, planId, before)).toEqual(["step.lost a"]);
    expect(await planRowOf(engine, planId)).toMatchObject({ reserved_tokens: 0, reserved_cost_usd: 0 });
    expect(await stepRowOf(engine, planId, "a")).toMatchObject({ status: "backoff", attempt: 2, lost_count: 1 });
    expect([await sweepTimers(engine), (await statusesOf(engine, planId))["a"]]).toEqual([1, "ready"]);
  });

  test("of a process known to be dead is taken back at once", async () => {
    await storeApproved(engine, plan);
    await takeStep(engine, planId, "a", "dead");
    expect(await sweepLeases(engine, (owner) => owner === "alive")).toBe(0);
    expect(await sweepLeases(engine, (owner) => owner === "dead")).toBe(1);
  });

  test("again and again without progress is poison, also when each attempt begins a call", async () => {
    await storeApproved(engine, plan);
    for (let n = 0; n < jobEngineLimits.maxLost; n += 1) {
      await reserveTurn(await takeStep(engine, planId, "a"));
      await dieAndComeBack();
      expect((await statusesOf(engine, planId))["a"]).toBe("ready");
    }
    await reserveTurn(await takeStep(engine, planId, "a"));
    await dieAndComeBack();
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect(await statusesOf(engine, planId)).toEqual({
      plan: "failed",
      a: "failed: poison",
      b: "skipped: upstream",
      "plan.finish": "succeeded",
    });
    expect(await auditPlan(engine, planId)).toEqual([]);
  });

  test("does not count once the step got further", async () => {
    await storeApproved(engine, plan);
    for (let n = 0; n < jobEngineLimits.maxLost * 3; n += 1) {
      const claim = await takeStep(engine, planId, "a");
      const data = { afterTurn: n, kind: "note", text: "on" };
      await recordProgress(engine, claim, { type: "guidance.added", data });
      await dieAndComeBack();
    }
    expect(await stepRowOf(engine, planId, "a")).toMatchObject({ status: "ready", lost_count: 1 });
  });

  test("in the middle of an effect that may happen only once waits for a person", async () => {
    await storeApproved(engine, testPlan([testStep("a", { envelope: { effect: "once" } })]));
    const claim = await takeStep(engine, planId, "a");
    await changeClaimed(engine, claim, async ({ tx }) => {
      await tx.updateTable("step").set({ intent_call_id: "3.0" }).execute();
    });
    const before = await lastSeqOf(engine, planId);
    await dieAndComeBack();
    expect([await statusesOf(engine, planId), await eventsOf(engine, planId, before)]).toEqual([
      { plan: "running", a: "needs_reconcile" },
      ["step.lost a", "step.reconcile_requested a", "approval.requested a"],
    ]);
  });

  test("of a plan that is being cancelled ends the plan", async () => {
    await storeApproved(engine, plan);
    await takeStep(engine, planId, "a");
    await decide({ decision: "cancel" });
    await sweepLeases(engine, () => true);
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toEqual([
      { plan: "cancelled", a: "cancelled: cancelled", b: "cancelled: cancelled" },
      [],
    ]);
  });
});

describe("a cancelled step that does not stop", () => {
  test("is ended after its grace, not before", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    await decide({ decision: "cancel" });
    engine.clock.advance(jobEngineLimits.cancelGraceMs - 1);
    await sweepCancelled(engine);
    expect((await planRowOf(engine, planId)).status).toBe("cancelling");
    engine.clock.advance(1);
    await sweepCancelled(engine);
    expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["cancelled", []]);
    await expect(completeStep(engine, claim, done)).rejects.toThrow("was lost");
  });

  test("may still succeed within it; the plan is cancelled all the same", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    await decide({ decision: "cancel" });
    await completeStep(engine, claim, done);
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toEqual([
      { plan: "cancelled", a: "succeeded", b: "cancelled: cancelled" },
      [],
    ]);
  });
});

describe("a message that got lost", () => {
  test("is sent again after a while, once", async () => {
    await storeApproved(engine, plan);
    expect(await reemitReady(engine)).toBe(0);
    await engine.store.tx((tx) => tx.deleteFrom("outbox").execute());
    expect(await reemitReady(engine)).toBe(0);
    engine.clock.advance(jobEngineLimits.reemitAfterMs);
    expect([await reemitReady(engine), await reemitReady(engine)]).toEqual([1, 0]);
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
  });

  test("is sent again once in its time while a broker has it", async () => {
    await storeApproved(engine, plan);
    const toBroker = () => engine.store.tx((tx) => tx.deleteFrom("outbox").execute());
    await toBroker();
    const counts: number[] = [];
    // Three times its time, as often as the sweeper looks.
    for (let passed = 0; passed < 3 * jobEngineLimits.reemitAfterMs; passed += jobEngineLimits.pollMs) {
      engine.clock.advance(jobEngineLimits.pollMs);
      counts.push(await reemitReady(engine));
      await toBroker();
    }
    expect(counts.filter((count) => count > 0)).toEqual([1, 1, 1]);
  });

  test("of a step that was given back counts from then", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    engine.clock.advance(jobEngineLimits.reemitAfterMs);
    await releaseStep(engine, claim, "stop");
    await engine.store.tx((tx) => tx.deleteFrom("outbox").execute());
    expect(await reemitReady(engine)).toBe(0);
    engine.clock.advance(jobEngineLimits.reemitAfterMs);
    expect(await reemitReady(engine)).toBe(1);
  });

  test("is sent again at once after a restart, but not for a paused plan", async () => {
    await storeApproved(engine, plan);
    await engine.store.tx((tx) => tx.deleteFrom("outbox").execute());
    await decide({ decision: "pause" });
    expect(await reemitReady(engine, 0)).toBe(0);
    await decide({ decision: "resume" });
    await engine.store.tx((tx) => tx.deleteFrom("outbox").execute());
    expect(await reemitReady(engine, 0)).toBe(1);
    expect(await messagesOf(engine, planId)).toHaveLength(1);
  });
});

describe("the time limit of a plan", () => {
  const limited = testPlan([testStep("a"), testStep("b"), testStep("c", { needs: ["a"] })], {
    budget: { maxMinutes: 10 },
  });
  const pass = async (minutes: number) => {
    engine.clock.advance(minutes * 60_000);
    await sweepTimers(engine);
  };
  const ended = {
    a: "failed: timeout",
    b: "failed: timeout",
    c: "skipped: upstream",
    "plan.finish": "succeeded",
  };

  test("counts from the approval and ends everything that is open", async () => {
    await storeApproved(engine, limited);
    await takeStep(engine, planId, "a");
    await pass(9.9);
    expect(await statusesOf(engine, planId)).toEqual({ plan: "running", a: "running", b: "ready", c: "blocked" });
    await pass(0.1);
    expect(engine.stopped).toEqual([`${planId}/a`]);
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toEqual([
      { plan: "failed", ...ended },
      [],
    ]);
  });

  test("stops no step when it cannot be recorded", async () => {
    await storeApproved(engine, limited);
    await takeStep(engine, planId, "a");
    const { store } = engine;
    const lost = new Error("the commit was lost");
    engine.store = {
      ...store,
      tx: (work) =>
        store.tx(async (tx) => {
          await work(tx);
          throw lost;
        }),
    };
    await pass(10);
    expect([engine.stopped, await statusesOf(engine, planId)]).toEqual([
      [],
      { plan: "running", a: "running", b: "ready", c: "blocked" },
    ]);
    engine.store = store;
    await pass(0);
    expect([engine.stopped, (await statusesOf(engine, planId))["a"]]).toEqual([[`${planId}/a`], "failed: timeout"]);
  });

  test("holds for a paused plan too", async () => {
    await storeApproved(engine, limited);
    await decide({ decision: "pause" });
    await pass(10);
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect(await statusesOf(engine, planId)).toEqual({ plan: "failed", ...ended });
  });

  test("begins anew with the approval of another revision", async () => {
    await storeApproved(engine, limited);
    await pass(5);
    await decide({ decision: "revise", feedback: "otherwise" });
    await pass(10);
    expect((await planRowOf(engine, planId)).status).toBe("draft");
    const timers = await engine.store.read.selectFrom("timer").selectAll().execute();
    expect(timers).toEqual([]);
  });

  test("of the revision before does not end the new one", async () => {
    await storeApproved(engine, limited);
    await pass(8);
    await decide({ decision: "revise", feedback: "otherwise" });
    const next = testPlan([testStep("n")], { revision: 2, budget: { maxMinutes: 10 } });
    await proposePlan(engine, await takeStep(engine, planId, "plan.2"), { plan: next, summary: "new" });
    await decide({ decision: "approve", planHash: next.planHash });
    await pass(9);
    expect(await statusesOf(engine, planId)).toMatchObject({ plan: "pending", n: "ready" });
    await pass(1);
    expect(await statusesOf(engine, planId)).toMatchObject({ n: "failed: timeout" });
  });
});

test("a timer that cannot be run is reported and does not hold up the others", async () => {
  await storeApproved(engine, plan);
  const timer = { step_id: "a", kind: "retry" as const, ref: "", due_at: 0 };
  await engine.store.tx((tx) =>
    tx
      .insertInto("timer")
      .values([
        { ...timer, id: "1", plan_id: "plan-of-nobody" },
        { ...timer, id: "2", plan_id: planId },
      ])
      .execute(),
  );
  await sweepTimers(engine);
  const left = await engine.store.read.selectFrom("timer").select("id").execute();
  expect([left, engine.lines.map(({ level, message }) => [level, message])]).toEqual([
    [{ id: "1" }],
    [["error", "timer failed"]],
  ]);
});

test("timers that fail again and again do not keep the ones behind them from ringing", async () => {
  await storeApproved(engine, plan);
  const timer = { step_id: "a", kind: "retry" as const, ref: "", due_at: 0 };
  const bad = Array.from({ length: jobEngineLimits.sweepBatch }, (_, n) => ({
    ...timer,
    id: `bad-${n}`,
    plan_id: "plan-of-nobody",
  }));
  await engine.store.tx((tx) =>
    tx
      .insertInto("timer")
      .values([...bad, { ...timer, id: "good", plan_id: planId, due_at: 1 }])
      .execute(),
  );
  const left = async () => {
    const rows = await engine.store.read.selectFrom("timer").select("id").where("id", "=", "good").execute();
    return rows.length;
  };
  const counts = [await sweepTimers(engine), await left(), await sweepTimers(engine), await left()];
  engine.clock.advance(jobEngineLimits.failedTimerMs);
  expect([...counts, await sweepTimers(engine)]).toEqual([bad.length, 1, 1, 0, bad.length]);
  expect(new Set(engine.lines.map(({ message }) => message))).toEqual(new Set(["timer failed"]));
});

describe("a change that writes nothing into the log", () => {
  test("wakes no reader, here or elsewhere; one that does wakes them", async () => {
    await storeApproved(engine, plan);
    let woken = 0;
    engine.bus.onWake(planId, () => void (woken += 1));
    // A timer of a step that waits for none.
    const timer = { id: "t", plan_id: planId, step_id: "a", kind: "retry" as const, ref: "", due_at: 0 };
    await engine.store.tx((tx) => tx.insertInto("timer").values(timer).execute());
    expect([await sweepTimers(engine), woken]).toEqual([1, 0]);
    await takeStep(engine, planId, "a");
    expect(woken).toBe(1);
  });
});
