import { statusText } from "@ossaat/contracts";
import type { Plan } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { decideApproval } from "../approval/decide-approval.ts";
import { readPlanState } from "../event/read-events.ts";
import { completeStep } from "../job/end-step.ts";
import { eventsOf, lastSeqOf, planRowOf, statusesOf } from "../testing/look.ts";
import { messagesOf, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, storeProposal, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { decidePlan } from "./decide-plan.ts";
import { editPlan } from "./edit-plan.ts";

const a = testStep("a");
const b = testStep("b", { needs: ["a"] });
const plan = testPlan([a, b]);
const planId = plan.id;
const agents = new Map(
  ["code-writer", "auditor"].map((name) => [name, { capabilities: ["repo.write" as const], approval_policy: {} }]),
);
const done = { summary: "done", head: "h" };

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const edit = (value: unknown, basePlanHash = plan.planHash) =>
  editPlan(engine, { planId, basePlanHash, plan: value, actor: user, agents });
const withSteps = (...steps: unknown[]) => ({ ...plan, steps });
const problemsOf = async (value: unknown): Promise<unknown> => {
  const thrown: unknown = await edit(value).then(
    () => undefined,
    (error: unknown) => error,
  );
  const { revision, def_hash: hash } = await planRowOf(engine, planId);
  expect([revision, hash]).toEqual([1, plan.planHash]);
  const { code, details } = thrown as { code: string; details: { problems: unknown } };
  return code === "invalid_input" ? details.problems : thrown;
};

describe("a bad edit stores nothing and names every problem", () => {
  beforeEach(() => storeProposal(engine, plan));

  test("not a plan at all", async () => {
    for (const value of [null, 7, "plan", [], {}]) expect(await problemsOf(value)).not.toEqual([]);
  });

  test("a host or a secret that grants nothing", async () => {
    const envelope = { ...a.envelope, egressHosts: ["localhost"], secrets: ["my secret"] };
    expect(await problemsOf(withSteps({ ...a, envelope }, b))).toEqual([
      {
        path: "steps[0].envelope.egressHosts",
        message: '"localhost": a name of one word belongs to this machine or its network',
      },
      {
        path: "steps[0].envelope.secrets",
        message: `"my secret": a secret's name holds letters, digits, dots, - and _ only`,
      },
    ]);
  });

  test("a cycle", async () => {
    expect(await problemsOf(withSteps({ ...a, needs: ["b"] }, b))).toEqual([
      { path: "steps", message: "steps form a cycle: a, b" },
    ]);
  });

  test("an unknown capability, a wrong id and a wrong type, all at once", async () => {
    const bad = { ...a, capability: "repo.destroy", id: "../x", timeoutSeconds: -1 };
    const problems = (await problemsOf(withSteps(bad, b))) as { path: string }[];
    expect(problems.map(({ path }) => path)).toEqual(["steps[0].id", "steps[0].capability", "steps[0].timeoutSeconds"]);
  });

  test("an unknown agent and an unknown tool", async () => {
    const bad = { ...a, agent: "wizard", envelope: { ...a.envelope, tools: ["read_file", "rm_rf"] } };
    expect(await problemsOf(withSteps(bad, b))).toEqual([
      { path: "steps[0].agent", message: 'unknown agent "wizard": known are code-writer, auditor' },
      { path: "steps[0].envelope.tools", message: 'unknown tool "rm_rf"' },
    ]);
  });

  test("two lines of work without a merge", async () => {
    expect(await problemsOf(withSteps(a, testStep("b")))).toEqual([
      { path: "steps", message: "the plan ends at a and b: join them with a merge step" },
    ]);
  });

  test("misspelled keys, wherever they are", async () => {
    const bad = {
      ...a,
      envelope: { ...a.envelope, path: ["src/**"], budget: { maxCostUSD: 1 } },
      successCheck: { ...a.successCheck, argvs: ["true"] },
    };
    const problems = (await problemsOf({ ...withSteps(bad, b), budget: { maxCostUSD: 1 }, colour: "red" })) as {
      path: string;
      message: string;
    }[];
    expect(problems.map(({ path }) => path).toSorted()).toEqual([
      "budget.maxCostUSD",
      "colour",
      "steps[0].envelope.budget.maxCostUSD",
      "steps[0].envelope.path",
      "steps[0].successCheck.argvs",
    ]);
    const said = (path: string) => problems.find((problem) => problem.path === path)?.message;
    expect(said("budget.maxCostUSD")).toContain('Did you mean "maxCostUsd"?');
    expect(said("steps[0].envelope.path")).toContain('Did you mean "paths"?');
  });

  test("a path into the git dir", async () => {
    const into = (glob: string) => ({ ...a, envelope: { ...a.envelope, paths: [glob] } });
    for (const glob of [".git/**", "sub/.git/hooks/x", ".GIT/config"]) {
      expect(await problemsOf(withSteps(into(glob), b))).toEqual([
        { path: "steps[0].envelope.paths", message: `"${glob}" lies in the git dir, which no step may write` },
      ]);
    }
  });

  test("a reserved id", async () => {
    expect(await problemsOf(withSteps({ ...a, id: "plan.finish" }, { ...b, needs: ["plan.finish"] }))).toEqual([
      { path: "steps[0].id", message: 'ids that begin with "plan." are reserved' },
    ]);
  });

  test("too large to be kept", async () => {
    const steps = Array.from({ length: 64 }, (_, n) =>
      testStep(`s${n}`, { needs: n === 0 ? [] : [`s${n - 1}`], rationale: "x".repeat(4_000) }),
    );
    const large = steps.map((step) => ({ ...step, input: { text: "y".repeat(1_000) } }));
    expect(await problemsOf(withSteps(...large))).toEqual([
      { path: "", message: "the plan is larger than 262144 bytes" },
    ]);
  });

  test("half a surrogate pair, which no hash can hold", async () => {
    await expect(edit(withSteps({ ...a, title: "x \ud800" }, b))).rejects.toMatchObject({ code: "invalid_input" });
  });

  test("from a stale revision", async () => {
    await expect(edit(withSteps(a), "0".repeat(64))).rejects.toMatchObject({
      code: "conflict",
      message: "The plan changed since you began to edit it.",
      details: { planHash: plan.planHash },
    });
  });
});

describe("an edit before the approval", () => {
  test("becomes the next revision; the old hash approves nothing", async () => {
    // What another version stored stays.
    const stored = testPlan([a, { ...b, future: 1 }]);
    await storeProposal(engine, stored);
    const edited = withSteps(a, { ...b, title: "Other", future: 1 }, testStep("c", { needs: ["b"] }));
    const after = await edit(edited, stored.planHash);
    expect([after.revision, after.planHash === stored.planHash]).toEqual([2, false]);
    const approve = (planHash: string) =>
      decidePlan({ engine, models: noModels }, { planId, decision: { decision: "approve", planHash }, actor: user });
    await expect(approve(stored.planHash)).rejects.toMatchObject({ code: "conflict" });
    await approve(after.planHash);
    const state = await readPlanState(engine.store.read, planId);
    expect([state?.revision, state?.approvedHash, state?.plan?.steps[1]?.["future"]]).toEqual([2, after.planHash, 1]);
    expect(await statusesOf(engine, planId)).toEqual({ plan: "pending", a: "ready", b: "blocked", c: "blocked" });
  });

  test("cannot change what the platform writes", async () => {
    await storeProposal(engine, plan);
    await edit({
      ...withSteps({ ...a, capabilityLabel: "harmless", title: "Other" }, b),
      id: "plan-00000000-0000-4000-8000-00000000dead",
      createdAt: "2020-01-01T00:00:00.000Z",
      planner: "context",
      repository: { commit: "f".repeat(40) },
      revision: 9,
    });
    const kept = JSON.parse((await planRowOf(engine, planId)).def_json ?? "") as Plan;
    const { id, goal, createdAt, planner, repository } = plan;
    expect(kept).toMatchObject({ id, goal, createdAt, planner, repository, revision: 2 });
    expect(kept.steps[0]?.capabilityLabel).toBe("Change files in the workspace");
  });

  test("is told that another goal needs another plan", async () => {
    await storeProposal(engine, plan);
    await expect(edit({ ...plan, goal: "Another goal" })).rejects.toMatchObject({ code: "invalid_input" });
    expect((await planRowOf(engine, planId)).revision).toBe(1);
  });

  test("that changes nothing stores nothing", async () => {
    await storeProposal(engine, plan);
    const before = await lastSeqOf(engine, planId);
    expect(await edit(JSON.parse(JSON.stringify(plan)))).toEqual({ planHash: plan.planHash, revision: 1 });
    expect(await lastSeqOf(engine, planId)).toBe(before);
  });

  test("may take a step away", async () => {
    await storeProposal(engine, plan);
    await edit(withSteps(a));
    expect(await statusesOf(engine, planId)).toEqual({
      plan: "awaiting_approval",
      a: "blocked",
      b: "cancelled: replanned",
    });
  });
});

describe("an edit while the plan runs", () => {
  const wider = { ...b, envelope: { ...b.envelope, paths: ["**"] } };

  test("of a step's envelope voids the approval of that step only: it asks before it starts", async () => {
    await storeApproved(engine, plan);
    await edit(withSteps(a, wider));
    const claim = await takeStep(engine, planId, "a");
    await completeStep(engine, claim, done);
    expect(await statusesOf(engine, planId)).toEqual({ plan: "running", a: "succeeded", b: "awaiting_approval" });
    const [request] = (await readPlanState(engine.store.read, planId))?.approvals ?? [];
    expect([request?.reason, request?.reaches.paths]).toEqual(["the step changed after the plan was approved", ["**"]]);
    await decideApproval(engine, {
      approvalId: request!.approvalId,
      tenantId: "local",
      decision: { decision: "approve", requestHash: request!.requestHash, scope: "once" },
      actor: user,
    });
    await takeStep(engine, planId, "b");
  });

  test("of a ready step takes its message back and asks; an unchanged one keeps going", async () => {
    await storeApproved(engine, testPlan([a, testStep("m", { action: "merge", needs: ["a"] })]));
    const base = (await planRowOf(engine, planId)).def_hash ?? "";
    const [stale] = await messagesOf(engine, planId);
    await edit(withSteps({ ...a, title: "Other" }, testStep("m", { action: "merge", needs: ["a"] })), base);
    expect([stale?.stepId, await messagesOf(engine, planId)]).toEqual(["a", []]);
    expect(await statusesOf(engine, planId)).toEqual({ plan: "pending", a: "awaiting_approval", m: "blocked" });
  });

  test("of a question's step voids the question and asks the new one", async () => {
    const gated = testPlan([testStep("a", { approvalRequired: true })]);
    await storeApproved(engine, gated);
    const before = await lastSeqOf(engine, planId);
    await edit({ ...gated, steps: [{ ...gated.steps[0], title: "Other" }] }, gated.planHash);
    expect(await eventsOf(engine, planId, before)).toEqual([
      "approval.decided a",
      "plan.proposed",
      "approval.requested a",
    ]);
    const state = await readPlanState(engine.store.read, planId);
    expect(state?.approvals.map(({ status, title }) => [status, title])).toEqual([
      ["void", "Start step a: Do a"],
      ["pending", "Start step a: Other"],
    ]);
  });

  test.each(["running", "succeeded"])("of a step that is %s is refused as a whole", async (status) => {
    await storeApproved(engine, plan);
    const claim = await takeStep(engine, planId, "a");
    if (status === "succeeded") await completeStep(engine, claim, done);
    const before = await lastSeqOf(engine, planId);
    await expect(edit(withSteps({ ...a, title: "Other" }, wider))).rejects.toMatchObject({
      code: "conflict",
      message: `Step a is ${statusText(status)}: only steps that have not started can change.`,
    });
    expect([await lastSeqOf(engine, planId), (await planRowOf(engine, planId)).revision]).toEqual([before, 1]);
  });

  test("is refused once the plan is about to end or has ended", async () => {
    await storeApproved(engine, testPlan([a]));
    await completeStep(engine, await takeStep(engine, planId, "a"), done);
    const base = (await planRowOf(engine, planId)).def_hash ?? "";
    await expect(edit(withSteps(a, b), base)).rejects.toMatchObject({ code: "conflict" });
    await decidePlan({ engine, models: noModels }, { planId, decision: { decision: "cancel" }, actor: user });
    await expect(edit(withSteps(a, b), base)).rejects.toMatchObject({
      code: "conflict",
      message: "The plan is cancelled: it cannot be edited.",
    });
  });
});
