import { testPlan, testPlanId, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { changePlan, systemActor } from "../job/engine.ts";
import { openTestEngine, storeProposal, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { appendEvents } from "./append-events.ts";
import { readEvents, readPlanState, readStepEvents } from "./read-events.ts";

const planId = testPlanId;
const started = { type: "plan.started", data: {} } as const;

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
  await storeProposal(engine, testPlan([testStep("a")]));
});
afterEach(() => engine.remove());

const append = (count: number) =>
  changePlan(engine, { planId, actor: systemActor }, (change) =>
    change.append(...Array.from({ length: count }, () => started)),
  );
const seqs = async () => (await readEvents(engine.store.read, planId)).map(({ seq }) => seq);
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

test("twenty writers at once leave no gap and no duplicate", async () => {
  await Promise.all(Array.from({ length: 20 }, (_, n) => append(1 + (n % 4))));
  expect(await seqs()).toEqual(upTo(2 + 5 * (1 + 2 + 3 + 4)));
});

test("a change that fails takes no number", async () => {
  const fail = (n: number) =>
    changePlan(engine, { planId, actor: systemActor }, async (change) => {
      await change.append(started, started);
      if (n % 2 === 0) throw new Error("no");
    });
  await Promise.allSettled(Array.from({ length: 10 }, (_, n) => fail(n)));
  expect(await seqs()).toEqual(upTo(2 + 5 * 2));
});

test("an event is read as it was written, by plan and by step", async () => {
  const stepId = testStep("a").id;
  engine.clock.advance(1_234);
  await engine.store.tx((tx) =>
    appendEvents(tx, { planId, nextSeq: 3, actor: user, now: engine.clock.now(), traceId: "t1" }, [
      { type: "step.started", stepId, attempt: 2, data: { worker: "w", fence: 3, agent: "ä", future: [1] } },
    ]),
  );
  const event = {
    schemaVersion: 1,
    seq: 3,
    type: "step.started",
    at: "2026-01-01T00:00:01.234Z",
    planId,
    stepId,
    attempt: 2,
    traceId: "t1",
    actor: user,
    data: { worker: "w", fence: 3, agent: "ä", future: [1] },
  };
  expect(await readEvents(engine.store.read, planId, { afterSeq: 2 })).toEqual([event]);
  expect(await readStepEvents(engine.store.read, planId, stepId)).toEqual([event]);
});

test("a long log is read page by page, and folded whole", async () => {
  for (let n = 0; n < 6; n += 1) await append(200);
  expect((await readEvents(engine.store.read, planId)).length).toBe(500);
  expect((await readPlanState(engine.store.read, planId))?.lastSeq).toBe(1_202);
});

test("nothing can be appended to a plan that does not exist", async () => {
  const gone = { planId: "plan-00000000", actor: systemActor };
  await expect(changePlan(engine, gone, (change) => change.append(started))).rejects.toMatchObject({
    code: "not_found",
  });
  expect(await readPlanState(engine.store.read, "plan-00000000")).toBeUndefined();
});
