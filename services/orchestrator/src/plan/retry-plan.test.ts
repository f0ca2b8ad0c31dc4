import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { readPlanState } from "../event/read-events.ts";
import { completeStep, failStep } from "../job/end-step.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { eventsOf, planRowOf, statusesOf } from "../testing/look.ts";
import { endByLastStep, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, storeProposal, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { decidePlan } from "./decide-plan.ts";
import { editPlan } from "./edit-plan.ts";
import { retryPlan } from "./retry-plan.ts";

const plan = testPlan([testStep("a"), testStep("b", { needs: ["a"] }), testStep("c", { needs: ["b"] })], {
  budget: { maxMinutes: 10 },
});
const failure = { reason: "tool_failed", code: "tool_failed", message: "it broke", retryable: false } as const;

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const retry = async (request: Parameters<typeof retryPlan>[1]["request"] = {}) =>
  retryPlan(engine, { old: await planRowOf(engine, plan.id), request, actor: user });
const finish = async (planId: string) => endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
const failAtB = async () => {
  await storeApproved(engine, plan);
  await completeStep(engine, await takeStep(engine, plan.id, "a"), { summary: "done", head: "h1" });
  await failStep(engine, await takeStep(engine, plan.id, "b"), failure);
  await finish(plan.id);
};

describe("a retry of a failed plan", () => {
  test("is a new plan that carries over what succeeded and runs the rest", async () => {
    await failAtB();
    const { planId } = await retry();
    expect(await statusesOf(engine, planId)).toEqual({ plan: "pending", a: "succeeded", b: "ready", c: "blocked" });
    expect(await eventsOf(engine, planId)).toEqual([
      "plan.created",
      "plan.proposed",
      "plan.approved",
      "step.finished a",
      "step.readied b",
    ]);
    const state = await readPlanState(engine.store.read, planId);
    expect([state?.retryOf, state?.steps[0]?.result]).toEqual([plan.id, { summary: "done", head: "h1" }]);
    expect(await statusesOf(engine, plan.id)).toMatchObject({ plan: "failed", b: "failed: tool_failed" });
    for (const id of ["b", "c"]) await completeStep(engine, await takeStep(engine, planId, id), { summary: "" });
    await finish(planId);
    expect(await auditPlan(engine, planId)).toEqual([]);
  });

  test("is planned and asked about again when the server runs in another mode by now", async () => {
    await failAtB();
    const old = await planRowOf(engine, plan.id);
    const { planId } = await retryPlan(engine, { old, request: {}, actor: user, runMode: "enterprise" });
    expect((await planRowOf(engine, planId)).status).toBe("draft");
    expect(JSON.parse((await planRowOf(engine, planId)).options_json)).toMatchObject({ runMode: "enterprise" });
  });

  test("has its own time limit, from now", async () => {
    await failAtB();
    engine.clock.advance(3_600_000);
    const { planId } = await retry();
    const timers = await engine.store.read.selectFrom("timer").select(["kind", "due_at"]).execute();
    const dueAt = engine.clock.now() + 10 * 60_000;
    expect([timers, (await planRowOf(engine, planId)).deadline_at]).toEqual([[{ kind: "plan", due_at: dueAt }], dueAt]);
  });

  test("may begin again from a step, with everything that builds on it, and with another budget", async () => {
    await failAtB();
    const { planId } = await retry({ fromStep: "a", budget: { maxTokens: 5 } });
    expect(await statusesOf(engine, planId)).toEqual({ plan: "pending", a: "ready", b: "blocked", c: "blocked" });
    expect((await readPlanState(engine.store.read, planId))?.plan?.budget.maxTokens).toBe(5);
  });

  test("in which everything had succeeded only finishes", async () => {
    await storeApproved(engine, testPlan([testStep("a")]));
    await completeStep(engine, await takeStep(engine, plan.id, "a"), { summary: "done", head: "h1" });
    await failStep(engine, await takeStep(engine, plan.id, "plan.finish"), failure);
    expect(await statusesOf(engine, plan.id)).toMatchObject({ plan: "failed", a: "succeeded" });
    const { planId } = await retry();
    await finish(planId);
    expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["succeeded", []]);
  });

  test("is all or nothing", async () => {
    await failAtB();
    const plans = () => engine.store.read.selectFrom("plan").select("id").execute();
    const broken: TestEngine = { ...engine, ids: { ...engine.ids, uuid: uuidThatFailsAfter(1, engine) } };
    await expect(
      retryPlan(broken, { old: await planRowOf(engine, plan.id), request: {}, actor: user }),
    ).rejects.toThrow("no more ids");
    expect(await plans()).toEqual([{ id: plan.id }]);
  });
});

function uuidThatFailsAfter(count: number, { ids }: TestEngine): () => string {
  let left = count;
  return () => {
    if (left === 0) throw new Error("no more ids");
    left -= 1;
    return ids.uuid();
  };
}

test("a retry approves nothing that was not approved: an edited step still asks", async () => {
  await storeApproved(engine, plan);
  const wider = plan.steps.map((step) =>
    step.id === "b" ? { ...step, envelope: { ...step.envelope, paths: ["**"] } } : step,
  );
  const agents = new Map([["code-writer", { capabilities: ["repo.write" as const], approval_policy: {} }]]);
  const edited = { planId: plan.id, basePlanHash: plan.planHash, plan: { ...plan, steps: wider }, actor: user, agents };
  await editPlan(engine, edited);
  await decidePlan({ engine, models: noModels }, { planId: plan.id, decision: { decision: "cancel" }, actor: user });
  const { planId } = await retry();
  await completeStep(engine, await takeStep(engine, planId, "a"), { summary: "done", head: "h1" });
  expect(await statusesOf(engine, planId)).toMatchObject({ a: "succeeded", b: "awaiting_approval" });
});

describe("a retry is refused", () => {
  test("for a plan that has not ended", async () => {
    await storeApproved(engine, plan);
    await expect(retry()).rejects.toMatchObject({ code: "conflict" });
  });

  test("for a plan that succeeded, unless a step is named", async () => {
    await storeApproved(engine, testPlan([testStep("a")]));
    await completeStep(engine, await takeStep(engine, plan.id, "a"), { summary: "done", head: "h" });
    await finish(plan.id);
    await expect(retry()).rejects.toMatchObject({ code: "conflict" });
    expect(await statusesOf(engine, (await retry({ fromStep: "a" })).planId)).toEqual({ plan: "pending", a: "ready" });
  });

  test("from a step that does not exist", async () => {
    await failAtB();
    await expect(retry({ fromStep: "nowhere" })).rejects.toMatchObject({ code: "invalid_input" });
  });
});

test("a retry of a plan that nobody had approved plans again", async () => {
  await storeProposal(engine, plan);
  await decidePlan({ engine, models: noModels }, { planId: plan.id, decision: { decision: "reject" }, actor: user });
  const { planId } = await retry();
  expect(await statusesOf(engine, planId)).toEqual({ plan: "draft", "plan.1": "ready" });
});
