import { PlanId, sealPlan } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";

import { decidePlan } from "../plan/decide-plan.ts";
import { recordMissing } from "../plan/record-plan.ts";
import { planRowOf, stepRowOf } from "../testing/look.ts";
import { takeStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { reemitReady, sweepCancelled, sweepLeases } from "./sweep.ts";

const good = testPlan([testStep("a")]);
const bad = sealPlan({ ...good, id: PlanId.parse("plan-00000000-0000-4000-8000-00000000bad0") });

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
  // NOTE: the bad one is stored first, so that a sweep meets it first.
  await storeApproved(engine, bad);
  await storeApproved(engine, good);
});
afterEach(() => engine.remove());

/** From now on every event of the bad plan collides with one that is there. */
const breakLog = () =>
  engine.store.tx((tx) => tx.updateTable("plan").set({ next_seq: 1 }).where("id", "=", bad.id).execute());
const statuses = async () => [
  (await stepRowOf(engine, bad.id, "a")).status,
  (await stepRowOf(engine, good.id, "a")).status,
];
const complaints = () =>
  engine.lines.map(({ level, fields, message }) => [level, message, (fields as { planId: string }).planId]);

test("a plan whose lease cannot be taken back does not keep others from getting theirs", async () => {
  for (const { id } of [bad, good]) await takeStep(engine, id, "a");
  await breakLog();
  engine.clock.advance(jobEngineLimits.leaseMs + 1);
  await sweepLeases(engine);
  expect([await statuses(), complaints()]).toEqual([
    ["running", "backoff"],
    [["error", "lease was not taken back", bad.id]],
  ]);
});

test("a plan that cannot be cancelled does not keep others from ending", async () => {
  for (const { id } of [bad, good]) {
    await takeStep(engine, id, "a");
    await decidePlan({ engine, models: noModels }, { planId: id, decision: { decision: "cancel" }, actor: user });
  }
  await breakLog();
  engine.clock.advance(jobEngineLimits.cancelGraceMs);
  await sweepCancelled(engine);
  expect([await statuses(), complaints()]).toEqual([
    ["running", "cancelled"],
    [["error", "cancelled step was not ended", bad.id]],
  ]);
});

test("a step that cannot be announced does not keep others from it", async () => {
  await engine.store.tx(async (tx) => {
    // One message a plan, and the bad one has another already.
    await tx.deleteFrom("outbox").where("plan_id", "=", good.id).execute();
    await tx.updateTable("outbox").set({ step_id: "other" }).execute();
    await sql`create unique index one_message on outbox (plan_id)`.execute(tx);
  });
  await reemitReady(engine, 0);
  await sql`drop index one_message`.execute(engine.store.read);
  const messages = engine.store.read.selectFrom("outbox").select("plan_id").where("step_id", "=", "a");
  const announced = await messages.execute();
  expect([announced, complaints()]).toEqual([
    [{ plan_id: good.id }],
    [["error", "ready step was not announced", bad.id]],
  ]);
});

test("a plan that cannot be recorded at the start does not keep others from it", async () => {
  await engine.store.tx((tx) => tx.updateTable("plan").set({ def_json: "{" }).where("id", "=", bad.id).execute());
  const written: string[] = [];
  const writeRecord = ({ planId }: { planId: string }) => Promise.resolve(void written.push(planId));
  await recordMissing({ engine, workspaces: { writeRecord } });
  expect([written, (await planRowOf(engine, good.id)).recorded_revision, complaints()]).toEqual([
    [good.id],
    1,
    [["error", "plan was not recorded", bad.id]],
  ]);
});
