import type { PlanDecision } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { completeStep, failStep } from "../job/end-step.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { eventsOf, lastSeqOf, planRowOf, statusesOf } from "../testing/look.ts";
import { endByLastStep, messagesOf, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, planOptions, storeApproved, storeProposal, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import type { Models } from "../provider/models.ts";
import { decidePlan } from "./decide-plan.ts";
import { listPlans } from "./read-plan.ts";

const plan = testPlan([testStep("a"), testStep("b", { needs: ["a"] })]);
const planId = plan.id;
const { planHash } = plan;
const done = { summary: "done", head: "h" };
const failure = { reason: "tool_failed", code: "tool_failed", message: "it broke", retryable: true } as const;

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const decide = (decision: PlanDecision, models: Models = noModels) =>
  decidePlan({ engine, models }, { planId, decision, actor: user });
const setModel = (model: string | null) => engine.store.tx((tx) => tx.updateTable("plan").set({ model }).execute());

describe("approve", () => {
  test("binds the hashes of plan and steps and opens the first steps", async () => {
    await storeProposal(engine, plan);
    await decide({ decision: "approve", planHash, comment: "go" });
    const row = await planRowOf(engine, planId);
    const hashes = Object.fromEntries(plan.steps.map(({ id, stepHash }) => [id, stepHash]));
    expect([row.status, JSON.parse(row.approved_json)]).toEqual(["pending", hashes]);
    expect((await messagesOf(engine, planId)).map(({ stepId }) => stepId)).toEqual(["a"]);
  });

  test("of another hash decides nothing and names the right one", async () => {
    await storeProposal(engine, plan);
    const other = testPlan([testStep("a")]).planHash;
    await expect(decide({ decision: "approve", planHash: other })).rejects.toMatchObject({
      code: "conflict",
      message: "The plan changed since you read it.",
      details: { planHash, revision: 1 },
    });
    expect(await statusesOf(engine, planId)).toEqual({ plan: "awaiting_approval", a: "blocked", b: "blocked" });
  });

  test("twice is once", async () => {
    await storeApproved(engine, plan);
    const before = await lastSeqOf(engine, planId);
    await decide({ decision: "approve", planHash });
    await takeStep(engine, planId, "a");
    await decide({ decision: "approve", planHash });
    expect(await eventsOf(engine, planId, before)).toEqual(["plan.started", "step.started a"]);
  });

  test("needs a model, and may name one", async () => {
    await storeProposal(engine, plan);
    await setModel(null);
    await expect(decide({ decision: "approve", planHash })).rejects.toMatchObject({
      code: "conflict",
      message: "No model is configured: this plan can be read, but nothing could run it.",
    });
    const resolve: Models["resolve"] = (ref) =>
      Promise.resolve({ ref, provider: undefined as never, modelId: "m", scripted: false, price: () => null });
    await decide({ decision: "approve", planHash, model: "openai/m" }, { defaultRef: () => null, resolve });
    expect((await planRowOf(engine, planId)).model).toBe("openai/m");
  });

  test("with another model is what the list of plans goes by when it marks scripted ones", async () => {
    const marked = async () => {
      const { plans } = await listPlans(engine.store.read, { tenantId: "local" });
      return plans.map(({ scripted }) => scripted);
    };
    const resolve: Models["resolve"] = (ref) =>
      Promise.resolve({ ref, provider: undefined as never, modelId: "m", scripted: true, price: () => null });
    await storeProposal(engine, plan, { ...planOptions(plan.budget), model: "openai/m", scripted: false });
    expect(await marked()).toEqual([false]);
    await decide({ decision: "approve", planHash, model: "scripted:file" }, { defaultRef: () => null, resolve });
    expect(await marked()).toEqual([true]);
  });

  test.each(["rejected", "cancelled"] as const)("a plan that was %s cannot be approved", async (end) => {
    await storeProposal(engine, plan);
    await decide({ decision: end === "rejected" ? "reject" : "cancel" });
    await expect(decide({ decision: "approve", planHash })).rejects.toMatchObject({ code: "conflict" });
  });
});

describe("reject", () => {
  test("ends the plan with everything in it, once", async () => {
    await storeProposal(engine, plan);
    await decide({ decision: "reject", planHash, comment: "no" });
    await decide({ decision: "reject" });
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toEqual([
      { plan: "rejected", a: "skipped: upstream", b: "skipped: upstream" },
      [],
    ]);
  });

  test("comes too late for a plan that runs", async () => {
    await storeApproved(engine, plan);
    await expect(decide({ decision: "reject" })).rejects.toMatchObject({ code: "conflict" });
  });
});

describe("pause and resume", () => {
  test("hold back what has not started; what runs goes on", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    await decide({ decision: "pause" });
    await decide({ decision: "pause" });
    await completeStep(engine, claim, done);
    await expect(takeStep(engine, planId, "b")).rejects.toThrow("no message for b");
    await decide({ decision: "resume" });
    await completeStep(engine, await takeStep(engine, planId, "b"), done);
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect(await auditPlan(engine, planId)).toEqual([]);
  });

  test("a paused plan has no message that waits, whatever becomes ready meanwhile; a resume announces each once", async () => {
    await storeApproved(engine, testPlan([testStep("a"), testStep("b"), testStep("c", { needs: ["a"] })]));
    const waiting = async () => (await messagesOf(engine, planId)).map(({ stepId }) => stepId).sort();
    const claim = await takeStep(engine, planId, "a");
    expect(await waiting()).toEqual(["b"]);
    await decide({ decision: "pause" });
    await completeStep(engine, claim, done);
    expect(await waiting()).toEqual([]);
    await decide({ decision: "resume" });
    expect(await waiting()).toEqual(["b", "c"]);
  });

  test("a plan whose steps all ended while it was paused ends when it is resumed", async () => {
    await storeApproved(engine, testPlan([testStep("a")]));
    const claim = await takeStep(engine, planId, "a");
    await decide({ decision: "pause" });
    await failStep(engine, claim, { ...failure, retryable: false });
    await decide({ decision: "resume" });
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["failed", []]);
  });

  test("a plan paused while it is being finished still ends", async () => {
    await storeApproved(engine, testPlan([testStep("a")]));
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
    const last = await takeStep(engine, planId, "plan.finish");
    await decide({ decision: "pause" });
    await endByLastStep(engine, last);
    expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["succeeded", []]);
  });

  test.each([{ decision: "pause" }, { decision: "resume" }] as const)(
    "$decision is refused before the approval",
    async (decision) => {
      await storeProposal(engine, plan);
      await expect(decide(decision)).rejects.toMatchObject({ code: "conflict" });
    },
  );
});

describe("cancel", () => {
  const cancelled = { plan: "cancelled", a: "cancelled: cancelled", b: "cancelled: cancelled" };

  test("ends what waits at once", async () => {
    await storeApproved(engine, plan);
    await decide({ decision: "cancel", reason: "changed my mind" });
    await decide({ decision: "cancel" });
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toEqual([cancelled, []]);
  });

  test("ends a step that waits for its backoff", async () => {
    await storeApproved(engine, plan);
    await failStep(engine, await takeStep(engine, planId, "a"), failure);
    await decide({ decision: "cancel" });
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toEqual([cancelled, []]);
  });

  test("asks what runs to stop; a failure in passing is not tried again", async () => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    await decide({ decision: "cancel" });
    expect([engine.stopped, (await planRowOf(engine, planId)).status]).toEqual([[`${planId}/a`], "cancelling"]);
    await failStep(engine, claim, failure);
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toEqual([
      { ...cancelled, a: "failed: tool_failed" },
      [],
    ]);
  });

  test("in the last moment loses to the branch that is out, and is still on the record", async () => {
    await storeApproved(engine, testPlan([testStep("a")]));
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
    const last = await takeStep(engine, planId, "plan.finish");
    await decide({ decision: "cancel" });
    await endByLastStep(engine, last);
    expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["cancelled", []]);
    await expect(decide({ decision: "resume" })).rejects.toMatchObject({ code: "conflict" });
  });

  test("comes too late for a plan that has ended", async () => {
    await storeApproved(engine, testPlan([testStep("a")]));
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    await expect(decide({ decision: "cancel" })).rejects.toMatchObject({ code: "conflict" });
  });
});

describe("revise", () => {
  test("sends the plan back; what was ready or asked makes room, the planner is called with the words", async () => {
    await storeApproved(engine, testPlan([testStep("a"), testStep("g", { approvalRequired: true })]));
    const before = await lastSeqOf(engine, planId);
    await decide({ decision: "revise", feedback: "smaller" });
    expect(await statusesOf(engine, planId)).toEqual({
      plan: "draft",
      a: "cancelled: replanned",
      g: "cancelled: replanned",
      "plan.2": "ready",
    });
    expect(await eventsOf(engine, planId, before)).toEqual([
      "approval.decided g",
      "step.finished a",
      "step.finished g",
      "plan.revision_requested",
      "step.readied plan.2",
    ]);
  });

  test("is refused when the plan is about to end", async () => {
    await storeApproved(engine, testPlan([testStep("a")]));
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
    await expect(decide({ decision: "revise", feedback: "more" })).rejects.toMatchObject({
      code: "conflict",
      message: "All steps of the plan have ended: it cannot be changed any more.",
    });
  });

  test("of a stale hash is refused", async () => {
    await storeProposal(engine, plan);
    const stale = { decision: "revise", feedback: "more", planHash: "0".repeat(64) } as const;
    await expect(decide(stale)).rejects.toMatchObject({ code: "conflict" });
  });
});

test("a plan that does not exist is not found", async () => {
  await expect(decide({ decision: "pause" })).rejects.toMatchObject({ code: "not_found" });
});
