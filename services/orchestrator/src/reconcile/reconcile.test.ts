// Each difference is planted in plans that are otherwise sound: it is found, is the only one, is mended by
// what the engine would have done, and the plan comes to a sound end.
import path from "node:path";

import { PlanId } from "@ossaat/contracts";
import type { Difference } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { failStep } from "../job/end-step.ts";
import { jobEngineLimits } from "../job/limits.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { createFileTurnJournal } from "../step/adapters/file-turn-journal.ts";
import { createStoreTurnJournal } from "../step/adapters/store-turn-journal.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { planRowOf, statusesOf } from "../testing/look.ts";
import { dropMessage, endByLastStep, messagesOf, takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { findDifferences } from "./find-differences.ts";
import { reconcileLimits } from "./limits.ts";
import { mendDifferences } from "./mend-differences.ts";
import type { MendDeps } from "./mend-differences.ts";

let engine: TestEngine;
let deps: MendDeps;
let removed: string[];
beforeEach(async () => {
  engine = await openTestEngine();
  removed = [];
  const remove = ({ planId }: { planId: string }) => Promise.resolve(void removed.push(planId));
  const journal = createFileTurnJournal(path.join(engine.folder, "turns"));
  const { read } = engine.store;
  deps = {
    engine,
    journal,
    workspaces: { remove },
    tenantId: "local",
    processRead: read,
    actor: user,
  } as unknown as MendDeps;
});
afterEach(() => engine.remove());

const planId = PlanId.parse("plan-00000001");
const otherId = PlanId.parse("plan-00000002");
const approve = () => storeApproved(engine, testPlan([testStep("a")], { id: planId }));
const cancel = () =>
  decidePlan({ engine, models: noModels }, { planId, decision: { decision: "cancel" }, actor: user });
const steps = () => statusesOf(engine, planId);
const write = (work: Parameters<typeof engine.store.tx>[0]) => engine.store.tx(work);
const timer = (id: string, kind: "retry" | "approval" | "plan", stepId: string) => ({
  id,
  plan_id: planId,
  step_id: stepId,
  kind,
  ref: "",
  due_at: engine.clock.now() + 60_000,
});

type Plant = { difference: Omit<Difference, "planId" | "detail">; plant(): Promise<unknown>; mended(): Promise<void> };

const kinds: readonly Plant[] = [
  {
    difference: { kind: "ready_without_message", stepId: "a" },
    async plant() {
      await approve();
      for (const message of await messagesOf(engine, planId)) await dropMessage(engine, message);
      engine.clock.advance(jobEngineLimits.reemitAfterMs);
    },
    mended: async () => expect(await messagesOf(engine, planId)).toMatchObject([{ stepId: "a", attempt: 1 }]),
  },
  {
    difference: { kind: "lease_over", stepId: "a" },
    async plant() {
      await approve();
      await takeStep(engine, planId, "a");
      engine.clock.advance(jobEngineLimits.leaseMs + 1);
    },
    mended: async () => expect(await steps()).toEqual({ plan: "running", a: "backoff" }),
  },
  {
    difference: { kind: "backoff_without_timer", stepId: "a" },
    async plant() {
      await approve();
      const claim = await takeStep(engine, planId, "a");
      await failStep(engine, claim, { reason: "internal", code: "internal", message: "not yet", retryable: true });
      await write((tx) => tx.deleteFrom("timer").where("kind", "=", "retry").execute());
    },
    async mended() {
      const timers = await engine.store.read.selectFrom("timer").select("due_at").where("kind", "=", "retry").execute();
      expect(timers).toEqual([{ due_at: engine.clock.now() }]);
    },
  },
  {
    difference: { kind: "timer_without_step", stepId: "gone" },
    async plant() {
      await approve();
      await write((tx) =>
        tx
          .insertInto("timer")
          .values(timer("t1", "retry", "gone"))
          .execute(),
      );
    },
    mended: async () =>
      expect(await engine.store.read.selectFrom("timer").select("id").where("id", "=", "t1").execute()).toEqual([]),
  },
  {
    difference: { kind: "plan_without_end" },
    async plant() {
      await approve();
      await write(async (tx) => {
        await tx.updateTable("step").set({ status: "failed", reason: "internal" }).where("step_id", "=", "a").execute();
        await tx.deleteFrom("outbox").execute();
      });
    },
    mended: async () =>
      expect(await steps()).toEqual({ plan: "pending", a: "failed: internal", "plan.finish": "ready" }),
  },
  {
    difference: { kind: "approval_of_ended_plan", stepId: "a" },
    async plant() {
      await approve();
      await cancel();
      const { id: _id, ...row } = { ...approvalRow, id: "" };
      await write((tx) =>
        tx
          .insertInto("approval")
          .values({ ...row, id: "appr-1" })
          .execute(),
      );
    },
    async mended() {
      const rows = await engine.store.read.selectFrom("approval").select(["id", "status"]).execute();
      expect(rows).toEqual([{ id: "appr-1", status: "void" }]);
    },
  },
  {
    difference: { kind: "leftovers_of_ended_plan" },
    async plant() {
      await approve();
      await (await deps.journal.begin({ planId, stepId: "a", turn: 1 })).close();
      await write((tx) =>
        tx.updateTable("plan").set({ status: "succeeded", finished_at: 1 }).where("id", "=", planId).execute(),
      );
      await write((tx) => tx.deleteFrom("timer").execute());
    },
    mended: async () => {
      await Promise.resolve();
      expect(removed).toEqual([planId]);
    },
  },
];

const approvalRow = {
  tenant_id: "local",
  plan_id: planId,
  step_id: "a",
  kind: "step" as const,
  call_id: null,
  request_hash: "h",
  request_json: "{}",
  status: "pending" as const,
  scope: null,
  feedback: null,
  requested_at: 1,
  expires_at: 2,
  decided_at: null,
  decided_by: null,
};

describe.each(kinds.map((plant) => [plant.difference.kind, plant] as const))("%s", (_kind, plant) => {
  test("is found as the only one, and looking changes nothing", async () => {
    await plant.plant();
    const expected = { ...plant.difference, planId, detail: expect.stringMatching(/\w/u) as string };
    expect(await findDifferences(deps)).toEqual({ differences: [expected], more: false });
    expect(await findDifferences(deps)).toEqual({ differences: [expected], more: false });
    expect(removed).toEqual([]);
  });

  test("is mended as the engine does it, and not found again", async () => {
    await plant.plant();
    const { differences, applied } = await mendDifferences(deps);
    expect([applied, differences.map(({ kind, mended }) => [kind, mended])]).toEqual([
      true,
      [[plant.difference.kind, true]],
    ]);
    await plant.mended();
    expect(await findDifferences(deps)).toEqual({ differences: [], more: false });
  });

  test("is none of another tenant's business", async () => {
    await plant.plant();
    expect(await findDifferences({ ...deps, tenantId: "another" })).toEqual({ differences: [], more: false });
    expect((await mendDifferences({ ...deps, tenantId: "another" })).differences).toEqual([]);
    expect((await findDifferences(deps)).differences.length).toBe(1);
  });
});

test("what works as it should has no differences: waiting, running, backing off, asking, ended", async () => {
  await approve();
  await storeApproved(engine, testPlan([testStep("a", { approvalRequired: true }), testStep("b")], { id: otherId }));
  expect(await findDifferences(deps)).toEqual({ differences: [], more: false });
  const claim = await takeStep(engine, planId, "a");
  const other = await takeStep(engine, otherId, "b");
  await failStep(engine, other, { reason: "internal", code: "internal", message: "not yet", retryable: true });
  expect(await findDifferences(deps)).toEqual({ differences: [], more: false });
  await failStep(engine, claim, { reason: "internal", code: "internal", message: "never", retryable: false });
  await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
  expect((await planRowOf(engine, planId)).status).toBe("failed");
  expect(await findDifferences(deps)).toEqual({ differences: [], more: false });
});

test("a plan that had no end comes to a sound one", async () => {
  await approve();
  const claim = await takeStep(engine, planId, "a");
  await failStep(engine, claim, { reason: "internal", code: "internal", message: "never", retryable: false });
  await write(async (tx) => {
    await tx.deleteFrom("step").where("step_id", "=", "plan.finish").execute();
    await tx.deleteFrom("outbox").execute();
  });
  expect((await mendDifferences(deps)).differences).toMatchObject([{ kind: "plan_without_end", mended: true }]);
  await endByLastStep(engine, await takeStep(engine, planId, "plan.finish"));
  expect([(await planRowOf(engine, planId)).status, await auditPlan(engine, planId)]).toEqual(["failed", []]);
});

test("one that cannot be mended is said to be so, and keeps none of the others from it", async () => {
  await approve();
  await storeApproved(engine, testPlan([testStep("a")], { id: otherId }));
  for (const id of [planId, otherId]) await takeStep(engine, id, "a");
  engine.clock.advance(jobEngineLimits.leaseMs + 1);
  // Its next event would take the place of one that is there.
  await write((tx) => tx.updateTable("plan").set({ next_seq: 1 }).where("id", "=", planId).execute());
  const { differences } = await mendDifferences(deps);
  expect(differences.map(({ kind, planId: id, mended }) => [kind, id, mended])).toEqual([
    ["lease_over", planId, false],
    ["lease_over", otherId, true],
  ]);
  expect(engine.lines.map(({ level, message }) => [level, message])).toEqual([
    ["error", "difference was not mended"],
    ["info", "differences were mended at somebody's request"],
  ]);
  expect(engine.lines[1]?.fields).toEqual({ actor: user.id, tenantId: "local", found: 2, tried: 2, mended: 1 });
});

test("mends only for as long as a request may take, and says that there is more", async () => {
  await approve();
  await storeApproved(engine, testPlan([testStep("a")], { id: otherId }));
  for (const id of [planId, otherId]) await takeStep(engine, id, "a");
  engine.clock.advance(jobEngineLimits.leaseMs + 1);
  let at = 0;
  const slow = { ...engine, clock: { ...engine.clock, monotonic: () => (at += reconcileLimits.mendMs * 0.7) } };
  const { differences, more } = await mendDifferences({ ...deps, engine: slow });
  expect([differences.map(({ mended }) => mended), more]).toEqual([[true, false], true]);
  const rest = await mendDifferences(deps);
  expect([rest.differences.map(({ mended }) => mended), rest.more]).toEqual([[true], false]);
});

test("what a person mends stands in the events as that person's doing", async () => {
  await approve();
  await takeStep(engine, planId, "a");
  engine.clock.advance(jobEngineLimits.leaseMs + 1);
  await mendDifferences(deps);
  const events = await engine.store.read.selectFrom("event").select(["type", "actor_json"]).execute();
  const lost = events.filter(({ type }) => type === "step.lost");
  expect(lost.map((event) => JSON.parse(event.actor_json) as unknown)).toEqual([user]);
});

test("what plans left in the database itself is found for a tenant, of its own plans alone", async () => {
  const journal = createStoreTurnJournal(engine.store);
  await approve();
  await (await journal.begin({ planId, stepId: "a", turn: 1 })).close();
  await cancel();
  expect(await findDifferences({ ...deps, journal })).toEqual({ differences: [], more: false });
  engine.clock.advance(reconcileLimits.leftoverGraceMs);
  const own = { ...deps, journal, engine: { ...engine, store: engine.store.forTenant("local") } };
  const others = { ...own, tenantId: "other", engine: { ...engine, store: engine.store.forTenant("other") } };
  expect((await findDifferences(own)).differences).toMatchObject([{ kind: "leftovers_of_ended_plan", planId }]);
  expect(await findDifferences(others)).toEqual({ differences: [], more: false });
  expect(await mendDifferences(own)).toMatchObject({ applied: true });
  expect(await journal.plans()).toEqual([]);
});
