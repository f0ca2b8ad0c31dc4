import { ApprovalDecision, hashStep } from "@ossaat/contracts";
import type { ApprovalScope } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { readPlanState } from "../event/read-events.ts";
import { completeStep } from "../job/end-step.ts";
import { sweepLeases, sweepTimers } from "../job/sweep.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { eventsOf, lastSeqOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { endByLastStep, messagesOf, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import type { ApprovalRow } from "../store/tables.ts";
import { decideApproval } from "./decide-approval.ts";
import { approvalLimits } from "./limits.ts";
import { parkForCall } from "./request-approval.ts";
import type { Question } from "./request-approval.ts";

const step = testStep("a", { approvalRequired: true, envelope: { egressHosts: ["example.org"] } });
const plan = testPlan([step, testStep("b", { needs: ["a"] })]);
const planId = plan.id;
const done = { summary: "done", head: "h" };
const otherHash = "e".repeat(64);

type Words = { decision: "approve" | "deny" | "replan"; scope?: ApprovalScope; feedback?: string };

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const approvals = () => engine.store.read.selectFrom("approval").selectAll().orderBy("requested_at").execute();
const pending = async (): Promise<ApprovalRow> => {
  const row = (await approvals()).find(({ status }) => status === "pending");
  if (row === undefined) throw new Error("nothing is asked");
  return row;
};
const answer = (row: ApprovalRow, decision: Words, requestHash = row.request_hash) =>
  decideApproval(engine, {
    approvalId: row.id,
    tenantId: "local",
    decision: ApprovalDecision.parse({ ...decision, requestHash }),
    actor: user,
  });
const cancel = () =>
  decidePlan({ engine, models: noModels }, { planId, decision: { decision: "cancel" }, actor: user });
const question: Question = {
  kind: "call",
  requestHash: "d".repeat(64),
  title: "code-writer wants to write to x",
  agent: "code-writer",
  risk: "low",
  reason: "outside",
  reaches: { paths: ["x"], hosts: [], secrets: [], reversible: true },
};

describe("the question before a step", () => {
  test("is asked when its turn comes, and says what the step may reach", async () => {
    await storeApproved(engine, plan);
    const row = await pending();
    expect(JSON.parse(row.request_json)).toEqual({
      approvalId: row.id,
      planId,
      stepId: "a",
      kind: "step",
      requestHash: hashStep(step),
      title: "Start step a: Do a",
      agent: "code-writer",
      step: {
        tools: ["read_file", "write_file", "edit_file"],
        commands: [],
        successCheck: { kind: "changes" },
        budget: {},
        timeoutSeconds: 0,
      },
      risk: "low",
      reason: "the plan asks for an approval before this step",
      reaches: { paths: ["src/a.ts"], hosts: ["example.org"], secrets: [], reversible: true },
      requestedAt: "2026-01-01T00:00:00.000Z",
      expiresAt: "2026-01-02T00:00:00.000Z",
    });
    expect(await statusesOf(engine, planId)).toEqual({ plan: "pending", a: "awaiting_approval", b: "blocked" });
  });

  test("holds no message, no lease and no worker while it waits", async () => {
    await storeApproved(engine, plan);
    engine.clock.advance(20 * 3_600_000);
    await sweepTimers(engine);
    await sweepLeases(engine);
    expect(await messagesOf(engine, planId)).toEqual([]);
    expect(await stepRowOf(engine, planId, "a")).toMatchObject({ lease_owner: null, lease_until: null, attempt: 1 });
    expect(await engine.store.read.selectFrom("attempt").selectAll().execute()).toEqual([]);
  });

  test("approved, makes the step ready and stops its clock", async () => {
    await storeApproved(engine, plan);
    const before = await lastSeqOf(engine, planId);
    expect(await answer(await pending(), { decision: "approve" })).toEqual({ planId, stepId: "a", status: "granted" });
    expect(await eventsOf(engine, planId, before)).toEqual(["approval.decided a", "step.readied a"]);
    engine.clock.advance(approvalLimits.expiresMs * 2);
    await sweepTimers(engine);
    expect((await approvals()).map(({ status, scope, decided_by: by }) => [status, scope, by])).toEqual([
      ["granted", "once", "ann"],
    ]);
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
  });

  test("denied, ends the step with the person's words and the plan with it", async () => {
    await storeApproved(engine, plan);
    await answer(await pending(), { decision: "deny", feedback: "not today" });
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    const state = await readPlanState(engine.store.read, planId);
    expect([state?.status, state?.reason, state?.message, await auditPlan(engine, planId)]).toEqual([
      "failed",
      "denied",
      "step a: not today",
      [],
    ]);
  });
});

describe("an answer", () => {
  test("given twice is fine; another one is a conflict and changes nothing", async () => {
    await storeApproved(engine, plan);
    const row = await pending();
    await answer(row, { decision: "approve" });
    const before = await lastSeqOf(engine, planId);
    expect(await answer(row, { decision: "approve" })).toMatchObject({ status: "granted" });
    const others: Words[] = [
      { decision: "deny" },
      { decision: "approve", scope: "run" },
      { decision: "replan", feedback: "otherwise" },
    ];
    for (const other of others) {
      await expect(answer(row, other)).rejects.toMatchObject({
        code: "conflict",
        message: "The request was already granted by ann.",
      });
    }
    expect(await lastSeqOf(engine, planId)).toBe(before);
    expect(await messagesOf(engine, planId)).toHaveLength(1);
  });

  test("that asks for a new plan after a denial is another answer", async () => {
    await storeApproved(engine, plan);
    const row = await pending();
    await answer(row, { decision: "deny" });
    await expect(answer(row, { decision: "replan", feedback: "otherwise" })).rejects.toMatchObject({
      code: "conflict",
    });
  });

  test("of two people at once, one wins", async () => {
    await storeApproved(engine, plan);
    const row = await pending();
    const results = await Promise.allSettled([
      answer(row, { decision: "approve" }),
      answer(row, { decision: "deny" }),
      answer(row, { decision: "approve" }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  });

  test("to another hash decides nothing and names the right one", async () => {
    await storeApproved(engine, plan);
    const row = await pending();
    await expect(answer(row, { decision: "approve" }, otherHash)).rejects.toMatchObject({
      code: "conflict",
      message: "The request is not the one you were shown.",
      details: { requestHash: row.request_hash },
    });
    expect((await pending()).id).toBe(row.id);
  });

  test("of another tenant, or to nothing, finds nothing", async () => {
    await storeApproved(engine, plan);
    const { id: approvalId, request_hash: requestHash } = await pending();
    const decision: ApprovalDecision = { decision: "approve", requestHash, scope: "once" };
    for (const [id, tenantId] of [
      [approvalId, "others"],
      ["approval-0", "local"],
    ] as const) {
      await expect(decideApproval(engine, { approvalId: id, tenantId, decision, actor: user })).rejects.toMatchObject({
        code: "not_found",
      });
    }
  });

  test("after its time is too late, whether or not the clock has been read", async () => {
    await storeApproved(engine, plan);
    const row = await pending();
    engine.clock.advance(approvalLimits.expiresMs);
    await expect(answer(row, { decision: "approve" })).rejects.toMatchObject({
      code: "conflict",
      message: "The request has expired, which means denied.",
    });
    await sweepTimers(engine);
    await expect(answer(row, { decision: "approve" })).rejects.toMatchObject({
      code: "conflict",
      message: "The request was already expired by engine.",
    });
    expect(await statusesOf(engine, planId)).toMatchObject({ a: "failed: expired", b: "skipped: upstream" });
  });

  test("after the plan was cancelled decides nothing", async () => {
    await storeApproved(engine, plan);
    const row = await pending();
    await cancel();
    await expect(answer(row, { decision: "approve" })).rejects.toMatchObject({ code: "conflict" });
    expect([(await approvals()).map(({ status }) => status), await auditPlan(engine, planId)]).toEqual([["void"], []]);
  });

  test("may ask for a new plan instead: the step makes room and the planner is called", async () => {
    await storeApproved(engine, plan);
    await answer(await pending(), { decision: "replan", feedback: "use another way" });
    expect(await statusesOf(engine, planId)).toEqual({
      plan: "draft",
      a: "cancelled: replanned",
      b: "blocked",
      "plan.2": "ready",
    });
    expect((await messagesOf(engine, planId)).map(({ stepId }) => stepId)).toEqual(["plan.2"]);
  });
});

describe("the question about a call", () => {
  const park = async () => {
    await answer(await pending(), { decision: "approve" });
    const claim = await takeStep(engine, planId, "a");
    await parkForCall(engine, claim, { callId: "1.0", question });
    return claim;
  };

  test("parks the step without a lease; approved, the step goes on as its next attempt", async () => {
    await storeApproved(engine, plan);
    await park();
    expect(await stepRowOf(engine, planId, "a")).toMatchObject({ status: "awaiting_approval", lease_owner: null });
    expect(await messagesOf(engine, planId)).toEqual([]);
    await answer(await pending(), { decision: "approve", scope: "run" });
    expect((await takeStep(engine, planId, "a")).attempt).toBe(2);
  });

  test("denied, lets the step go on too: the agent finds another way", async () => {
    await storeApproved(engine, plan);
    await park();
    await answer(await pending(), { decision: "deny", feedback: "no" });
    expect((await statusesOf(engine, planId))["a"]).toBe("ready");
  });

  test("unanswered in time, ends the step", async () => {
    await storeApproved(engine, plan);
    await park();
    engine.clock.advance(approvalLimits.expiresMs);
    await sweepTimers(engine);
    expect((await statusesOf(engine, planId))["a"]).toBe("failed: expired");
  });

  test("answered while the plan is paused, waits for the plan", async () => {
    await storeApproved(engine, plan);
    await park();
    const decide = (decision: "pause" | "resume") =>
      decidePlan({ engine, models: noModels }, { planId, decision: { decision }, actor: user });
    await decide("pause");
    await answer(await pending(), { decision: "approve" });
    await expect(takeStep(engine, planId, "a")).rejects.toThrow("no message for a");
    await decide("resume");
    expect((await takeStep(engine, planId, "a")).attempt).toBe(2);
  });

  test("is not asked any more when the plan is being cancelled", async () => {
    await storeApproved(engine, plan);
    await answer(await pending(), { decision: "approve" });
    const claim = await takeStep(engine, planId, "a");
    await cancel();
    await expect(parkForCall(engine, claim, { callId: "1.0", question })).rejects.toMatchObject({ code: "cancelled" });
    expect((await approvals()).filter(({ status }) => status === "pending")).toEqual([]);
  });
});

describe("the question after an effect that may happen only once", () => {
  const oncePlan = testPlan([testStep("a", { envelope: { effect: "once" } }), testStep("b", { needs: ["a"] })]);

  async function interrupted(): Promise<ApprovalRow> {
    await storeApproved(engine, oncePlan);
    await takeStep(engine, planId, "a");
    await engine.store.tx((tx) => tx.updateTable("step").set({ intent_call_id: "3.0" }).execute());
    await sweepLeases(engine, () => true);
    return pending();
  }

  test("holds the step, and names the call", async () => {
    const row = await interrupted();
    expect(row.kind).toBe("reconcile");
    expect(row.request_json).toContain("whether call 3.0 took effect is unknown");
    expect(await statusesOf(engine, planId)).toMatchObject({ a: "needs_reconcile", b: "blocked" });
    expect((await readPlanState(engine.store.read, planId))?.steps[0]).toMatchObject({
      status: "needs_reconcile",
      pendingApprovalId: row.id,
    });
  });

  test("a yes runs the step again, once", async () => {
    const row = await interrupted();
    await answer(row, { decision: "approve" });
    await answer(row, { decision: "approve" });
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
    expect(await statusesOf(engine, planId)).toMatchObject({ a: "succeeded", b: "ready" });
  });

  test("a no, and no answer, end the step and the plan goes on to its end", async () => {
    await answer(await interrupted(), { decision: "deny", feedback: "it was sent" });
    expect(await statusesOf(engine, planId)).toMatchObject({ a: "failed: needs_reconcile", b: "skipped: upstream" });
    await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
    expect(await auditPlan(engine, planId)).toEqual([]);
  });

  test("nobody answers: it counts as a no", async () => {
    await interrupted();
    engine.clock.advance(approvalLimits.expiresMs + 1);
    await sweepTimers(engine);
    expect(await statusesOf(engine, planId)).toMatchObject({ a: "failed: needs_reconcile" });
  });
});
