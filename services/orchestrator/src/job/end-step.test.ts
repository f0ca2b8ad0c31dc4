import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { proposePlan } from "../plan/propose-plan.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { eventsOf, lastSeqOf, planRowOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { endByLastStep, messagesOf, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { changeClaimed } from "./claim-step.ts";
import { cancelledStep, completeStep, failStep, releaseStep } from "./end-step.ts";
import type { Claim } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { sweepTimers } from "./sweep.ts";

const plan = testPlan([
  testStep("a"),
  testStep("b", { needs: ["a"] }),
  testStep("c", { needs: ["a"] }),
  testStep("d", { needs: ["b", "c"], action: "merge" }),
]);
const planId = plan.id;
const once = testPlan([testStep("a", { envelope: { effect: "once" } })]);
const permanent = { reason: "tool_failed", code: "tool_failed", message: "it broke", retryable: false } as const;
const passing = { ...permanent, retryable: true };
const done = { summary: "done", head: "h" };

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const decide = (decision: Parameters<typeof decidePlan>[1]["decision"]) =>
  decidePlan({ engine, models: noModels }, { planId, decision, actor: user });

/** Begins a call whose effect must not happen twice, as the tool runner's caller records it. */
const beginEffect = (claim: Claim) =>
  changeClaimed(engine, claim, async ({ tx }) => {
    await tx.updateTable("step").set({ intent_call_id: "1.0" }).where("step_id", "=", claim.stepId).execute();
  });

describe("a step that succeeds", () => {
  test("opens exactly the steps whose needs are all met, in the same commit", async () => {
    await storeApproved(engine, plan);
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
    expect(await statusesOf(engine, planId)).toEqual({
      plan: "running",
      a: "succeeded",
      b: "ready",
      c: "ready",
      d: "blocked",
    });
    await completeStep(engine, await takeStep(engine, planId, "b"), done);
    expect((await statusesOf(engine, planId))["d"]).toBe("blocked");
    await completeStep(engine, await takeStep(engine, planId, "c"), done);
    expect((await messagesOf(engine, planId)).map(({ stepId, kind }) => [stepId, kind])).toEqual([["d", "merge"]]);
  });

  test("the last one brings the platform's last step, and that ends the plan", async () => {
    await storeApproved(engine, plan);
    for (const id of ["a", "b", "c", "d"]) await completeStep(engine, await takeStep(engine, planId, id), done);
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toEqual([
      { plan: "succeeded", a: "succeeded", b: "succeeded", c: "succeeded", d: "succeeded", "plan.finish": "succeeded" },
      [],
    ]);
  });
});

describe("a step that fails", () => {
  test("for good, ends with its reason; dependants are skipped and the plan ends with the same reason", async () => {
    await storeApproved(engine, plan);
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
    await failStep(engine, await takeStep(engine, planId, "b"), permanent);
    await completeStep(engine, await takeStep(engine, planId, "c"), done);
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect(await statusesOf(engine, planId)).toEqual({
      plan: "failed",
      a: "succeeded",
      b: "failed: tool_failed",
      c: "succeeded",
      d: "skipped: upstream",
      "plan.finish": "succeeded",
    });
    expect(await auditPlan(engine, planId)).toEqual([]);
  });

  test("before anything else started, still ends the plan", async () => {
    const gated = testPlan([testStep("a", { approvalRequired: true })]);
    await storeApproved(engine, gated);
    engine.clock.advance(25 * 3_600_000);
    await sweepTimers(engine);
    expect(await statusesOf(engine, planId)).toEqual({ plan: "pending", a: "failed: expired", "plan.finish": "ready" });
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect([(await statusesOf(engine, planId))["plan"], await auditPlan(engine, planId)]).toEqual(["failed", []]);
  });

  test("in passing, waits its backoff and comes back as the next attempt, five times at most", async () => {
    await storeApproved(engine, plan);
    const waits: number[] = [];
    for (let n = 1; n <= 4; n += 1) {
      const claim = await takeStep(engine, planId, "a");
      expect(claim.attempt).toBe(n);
      await failStep(engine, claim, passing);
      const timer = await engine.store.read.selectFrom("timer").selectAll().executeTakeFirstOrThrow();
      waits.push(timer.due_at - engine.clock.now());
      expect(await statusesOf(engine, planId)).toMatchObject({ a: "backoff", b: "blocked" });
      if (timer.due_at > engine.clock.now()) {
        engine.clock.advance(timer.due_at - engine.clock.now() - 1);
        expect(await sweepTimers(engine)).toBe(0);
        engine.clock.advance(1);
      }
      expect(await sweepTimers(engine)).toBe(1);
    }
    expect(waits.map((wait, index) => wait >= 0 && wait < 1_000 * 2 ** index)).toEqual([true, true, true, true]);
    await failStep(engine, await takeStep(engine, planId, "a"), passing);
    expect((await statusesOf(engine, planId))["a"]).toBe("failed: tool_failed");
    const attempts = await engine.store.read.selectFrom("attempt").select(["attempt", "outcome"]).execute();
    expect(attempts.map(({ attempt, outcome }) => [attempt, outcome])).toEqual([
      [1, "failed"],
      [2, "failed"],
      [3, "failed"],
      [4, "failed"],
      [5, "failed"],
    ]);
  });

  test("because something was cut although nobody cancels the plan, may go well the next time", async () => {
    await storeApproved(engine, plan);
    const cut = { ...cancelledStep, message: "the call was cut" };
    await failStep(engine, await takeStep(engine, planId, "a"), cut);
    expect(await statusesOf(engine, planId)).toMatchObject({ plan: "running", a: "backoff" });
    engine.clock.advance(jobEngineLimits.maxBackoffMs);
    await sweepTimers(engine);
    const again = await takeStep(engine, planId, "a");
    await decide({ decision: "cancel" });
    await failStep(engine, again, cut);
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toMatchObject([
      { plan: "cancelled", a: "cancelled: cancelled" },
      [],
    ]);
  });

  test("waits as long as the other side asked", async () => {
    await storeApproved(engine, plan);
    await failStep(engine, await takeStep(engine, planId, "a"), { ...passing, retryAfterMs: 77_000 });
    const timers = await engine.store.read.selectFrom("timer").select(["kind", "step_id", "due_at"]).execute();
    expect(timers).toEqual([{ kind: "retry", step_id: "a", due_at: engine.clock.now() + 77_000 }]);
  });

  test("says who asked to wait", async () => {
    await storeApproved(engine, plan);
    const failure = { ...passing, retryAfterMs: 77_000, askedByProvider: true };
    await failStep(engine, await takeStep(engine, planId, "a"), failure);
    const events = await readEvents(engine.store.read, planId, {});
    expect(events.at(-1)).toMatchObject({ type: "step.backed_off", data: { askedBy: "provider" } });
  });

  test.each([
    ["as long as its plan has time", { maxMinutes: 2 }, 120_000, "backoff"],
    ["for longer than that", { maxMinutes: 2 }, 120_001, "failed: timeout"],
    ["in a plan without a limit", {}, 3_600_000, "backoff"],
  ])("asked to wait %s", async (_name, budget, retryAfterMs, status) => {
    await storeApproved(engine, testPlan(plan.steps, { budget }));
    await failStep(engine, await takeStep(engine, planId, "a"), { ...passing, retryAfterMs });
    expect((await statusesOf(engine, planId))["a"]).toBe(status);
  });

  test("ends after fewer failures where a call takes long", async () => {
    await storeApproved(engine, plan);
    const slow = { ...passing, kind: "silent" as const, retryAfterMs: 0 };
    // One of another kind takes none of them away.
    for (const failure of [{ ...passing, retryAfterMs: 0 }, slow]) {
      await failStep(engine, await takeStep(engine, planId, "a"), failure);
      await sweepTimers(engine);
      expect((await statusesOf(engine, planId))["a"]).toBe("ready");
    }
    await failStep(engine, await takeStep(engine, planId, "a"), slow);
    expect((await statusesOf(engine, planId))["a"]).toBe("failed: tool_failed");
  });
});

test("a tool runner that is away is waited for, also where an older version counted that with the failures", async () => {
  await storeApproved(engine, plan);
  await engine.store.tx((tx) => tx.updateTable("step").set({ failures: 20 }).where("step_id", "=", "a").execute());
  await failStep(engine, await takeStep(engine, planId, "a"), { ...passing, kind: "away" });
  expect((await statusesOf(engine, planId))["a"]).toBe("backoff");
});

describe("a step that is given back", () => {
  test("is ready at once, counts no failure and keeps its place", async () => {
    await storeApproved(engine, plan);
    const before = await lastSeqOf(engine, planId);
    await releaseStep(engine, await takeStep(engine, planId, "a"), "the server stopped");
    const row = await stepRowOf(engine, planId, "a");
    expect(row).toMatchObject({ status: "ready", attempt: 2, failures: 0, lost_count: 0, lease_owner: null });
    expect((await messagesOf(engine, planId)).map(({ attempt }) => attempt)).toEqual([2]);
    expect((await eventsOf(engine, planId, before)).at(-1)).toBe("step.released a");
  });

  test("of a plan that is being cancelled, ends it instead", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    await decide({ decision: "cancel" });
    await releaseStep(engine, claim, "the server stopped");
    expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["cancelled", []]);
  });
});

describe("an effect that may happen only once", () => {
  const ways: [string, (claim: Claim) => Promise<void>][] = [
    ["given back", (claim) => releaseStep(engine, claim, "stop")],
    ["failed in passing", (claim) => failStep(engine, claim, passing)],
  ];
  test.each(ways)("is left to a person when its step was %s in the middle of it", async (_name, end) => {
    await storeApproved(engine, once);
    const claim = await takeStep(engine, planId, "a");
    await beginEffect(claim);
    await end(claim);
    expect(await statusesOf(engine, planId)).toEqual({ plan: "running", a: "needs_reconcile" });
    expect(await messagesOf(engine, planId)).toEqual([]);
    await decide({ decision: "cancel" });
    expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["cancelled", []]);
  });

  test("is named when the step is cancelled in the middle of it", async () => {
    await storeApproved(engine, once);
    const claim = await takeStep(engine, planId, "a");
    await beginEffect(claim);
    await decide({ decision: "cancel" });
    await failStep(engine, claim, cancelledStep);
    expect(await statusesOf(engine, planId)).toEqual({ plan: "cancelled", a: "cancelled: needs_reconcile" });
  });

  test("does not stop a step that has ended its call", async () => {
    await storeApproved(engine, once);
    await failStep(engine, await takeStep(engine, planId, "a"), passing);
    expect((await statusesOf(engine, planId))["a"]).toBe("backoff");
  });
});

describe("while a plan is being revised", () => {
  const next = testPlan([testStep("a-r2")], { revision: 2 });

  test("a running step goes on, opens nothing and does not end the plan", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    await decide({ decision: "revise", feedback: "otherwise" });
    await completeStep(engine, claim, done);
    expect(await statusesOf(engine, planId)).toEqual({
      plan: "draft",
      a: "succeeded",
      b: "blocked",
      c: "blocked",
      d: "blocked",
      "plan.2": "ready",
    });
  });

  test("a step that still runs when the new revision comes is stopped and fenced out", async () => {
    await storeApproved(engine, plan);
    const running = await takeStep(engine, planId, "a");
    await decide({ decision: "revise", feedback: "otherwise" });
    await proposePlan(engine, await takeStep(engine, planId, "plan.2"), { plan: next, summary: "new" });
    expect(engine.stopped).toEqual([`${planId}/a`]);
    await expect(completeStep(engine, running, done)).rejects.toThrow("was lost");
    expect(await statusesOf(engine, planId)).toMatchObject({
      plan: "awaiting_approval",
      a: "cancelled: replanned",
      b: "cancelled: replanned",
      "a-r2": "blocked",
    });
  });

  test.each(["before", "meanwhile"])("a question about an effect, asked %s, goes with its step", async (when) => {
    const revise = () => decide({ decision: "revise", feedback: "otherwise" });
    await storeApproved(engine, once);
    const claim = await takeStep(engine, planId, "a");
    await beginEffect(claim);
    if (when === "meanwhile") await revise();
    await failStep(engine, claim, passing);
    if (when === "before") await revise();
    expect((await statusesOf(engine, planId))["a"]).toBe("needs_reconcile");
    await proposePlan(engine, await takeStep(engine, planId, "plan.2"), { plan: next, summary: "new" });
    const questions = await engine.store.read.selectFrom("approval").select(["kind", "status"]).execute();
    expect(questions).toEqual([{ kind: "reconcile", status: "void" }]);
    await decide({ decision: "approve", planHash: next.planHash });
    await completeStep(engine, await takeStep(engine, planId, "a-r2"), done);
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["succeeded", []]);
  });

  test("a cancel wins over the proposal that comes after it", async () => {
    await storeApproved(engine, plan);
    await decide({ decision: "revise", feedback: "otherwise" });
    const planner = await takeStep(engine, planId, "plan.2");
    await decide({ decision: "cancel" });
    await proposePlan(engine, planner, { plan: next, summary: "new" });
    expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["cancelled", []]);
  });

  test("a planner that fails ends the plan and everything in it", async () => {
    await storeApproved(engine, plan);
    await takeStep(engine, planId, "a");
    await decide({ decision: "revise", feedback: "otherwise" });
    await failStep(engine, await takeStep(engine, planId, "plan.2"), { ...permanent, reason: "plan_invalid" });
    expect(await statusesOf(engine, planId)).toEqual({
      plan: "failed",
      a: "cancelled: cancelled",
      b: "skipped: upstream",
      c: "skipped: upstream",
      d: "skipped: upstream",
      "plan.2": "failed: plan_invalid",
    });
    expect(await auditPlan(engine, planId)).toEqual([]);
  });
});
