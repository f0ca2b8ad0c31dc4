import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { decidePlan } from "../plan/decide-plan.ts";
import { eventsOf, lastSeqOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { messagesOf, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, storeProposal, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { claimStep, isClaim, heartbeat, recordProgress } from "./claim-step.ts";
import { completeStep, failStep, releaseStep } from "./end-step.ts";
import { LeaseLost } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { sweepLeases, sweepTimers } from "./sweep.ts";

const plan = testPlan([testStep("a"), testStep("b", { needs: ["a"] })]);
const planId = plan.id;
const failure = { reason: "tool_failed", code: "tool_failed", message: "it broke", retryable: true } as const;
const note = { type: "guidance.added", data: { afterTurn: 1, kind: "note", text: "on" } } as const;

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const decide = (decision: "pause" | "resume" | "cancel") =>
  decidePlan({ engine, models: noModels }, { planId, decision: { decision }, actor: user });

describe("claimStep", () => {
  test("takes the step with a new fence and starts the plan", async () => {
    await storeApproved(engine, plan);
    const before = await lastSeqOf(engine, planId);
    const claim = await takeStep(engine, planId, "a");
    expect(await stepRowOf(engine, planId, "a")).toMatchObject({
      status: "running",
      attempt: 1,
      fence: 1,
      lease_owner: "worker-1",
      lease_until: engine.clock.now() + jobEngineLimits.leaseMs,
    });
    expect([claim.fence, claim.attempt, claim.worker]).toEqual([1, 1, "worker-1"]);
    expect(await eventsOf(engine, planId, before)).toEqual(["plan.started", "step.started a"]);
    expect(await statusesOf(engine, planId)).toEqual({ plan: "running", a: "running", b: "blocked" });
  });

  test("one of many deliveries at once wins", async () => {
    await storeApproved(engine, plan);
    const [message] = await messagesOf(engine, planId);
    const claims = await Promise.all([1, 2, 3, 4, 5].map((n) => claimStep(engine, message!, `worker-${n}`)));
    expect(claims.filter(isClaim)).toHaveLength(1);
    expect((await stepRowOf(engine, planId, "a")).fence).toBe(1);
  });

  test("a message grants nothing when the step moved on", async () => {
    await storeApproved(engine, plan);
    const [message] = await messagesOf(engine, planId);
    await releaseStep(engine, await takeStep(engine, planId, "a"), "stop");
    expect(await claimStep(engine, message!, "late")).toBe("stale");
    const others = [
      { ...message!, stepId: testStep("b").id },
      { ...message!, stepId: testStep("nowhere").id },
      { ...message!, planId: "plan-00000000-0000-4000-8000-0000000000ff" as never },
      { ...message!, attempt: 2, kind: "unheard-of" },
    ];
    for (const other of others) expect(await claimStep(engine, other, "late")).toBe("stale");
    expect(await statusesOf(engine, planId)).toEqual({ plan: "running", a: "ready", b: "blocked" });
  });

  test("nothing starts before the plan is approved, while it is paused or when it was cancelled", async () => {
    await storeProposal(engine, plan);
    expect(await messagesOf(engine, planId)).toEqual([]);
    await decidePlan(
      { engine, models: noModels },
      { planId, decision: { decision: "approve", planHash: plan.planHash }, actor: user },
    );
    const [message] = await messagesOf(engine, planId);
    await decide("pause");
    expect(await claimStep(engine, message!, "worker")).toBe("stale");
    await decide("resume");
    await decide("cancel");
    expect(await claimStep(engine, message!, "worker")).toBe("stale");
    expect(await statusesOf(engine, planId)).toEqual({
      plan: "cancelled",
      a: "cancelled: cancelled",
      b: "cancelled: cancelled",
    });
  });
});

describe("the lease", () => {
  test("is kept by heartbeats for as long as they come", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    for (let n = 0; n < 20; n += 1) {
      engine.clock.advance(jobEngineLimits.heartbeatMs);
      expect(await heartbeat(engine, claim)).toBe("kept");
      expect(await sweepLeases(engine)).toBe(0);
    }
  });

  test("says when the plan was cancelled", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    await decide("cancel");
    expect([await heartbeat(engine, claim), engine.stopped]).toEqual(["cancel", [`${planId}/a`]]);
  });

  test("once taken, lets its old holder write nothing at all", async () => {
    await storeApproved(engine, plan);
    const zombie = await takeStep(engine, planId, "a", "slow");
    engine.clock.advance(jobEngineLimits.leaseMs + 1);
    await sweepLeases(engine);
    await sweepTimers(engine);
    const fresh = await takeStep(engine, planId, "a", "quick");
    expect([zombie.fence < fresh.fence, zombie.attempt, fresh.attempt]).toEqual([true, 1, 2]);
    const before = await lastSeqOf(engine, planId);
    const row = await stepRowOf(engine, planId, "a");
    const writes = [
      () => recordProgress(engine, zombie, note),
      () => completeStep(engine, zombie, { summary: "mine" }),
      () => failStep(engine, zombie, failure),
      () => releaseStep(engine, zombie, "stop"),
    ];
    for (const write of writes) await expect(write()).rejects.toBeInstanceOf(LeaseLost);
    expect(await heartbeat(engine, zombie)).toBe("lost");
    expect([await lastSeqOf(engine, planId), await stepRowOf(engine, planId, "a")]).toEqual([before, row]);
    await completeStep(engine, fresh, { summary: "done", head: "h" });
    expect(await statusesOf(engine, planId)).toEqual({ plan: "running", a: "succeeded", b: "ready" });
  });

  test("ends with the step: no second end is recorded", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    await completeStep(engine, claim, { summary: "done", head: "h" });
    await expect(failStep(engine, claim, failure)).rejects.toBeInstanceOf(LeaseLost);
    await expect(completeStep(engine, claim, { summary: "again" })).rejects.toBeInstanceOf(LeaseLost);
  });
});
