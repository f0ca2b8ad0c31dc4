// Parts of a server with a broker that does not answer: it must still end.
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { createEmbeddedQueue } from "../job/adapters/embedded.ts";
import { buryMessage } from "../job/bury-message.ts";
import type { StepStateRecord } from "../job/step-states.ts";
import { envelope, pool } from "../testing/queue-under-test.ts";
import { messagesOf } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createQueueParts } from "./queue-parts.ts";

const plan = testPlan([testStep("a")]);
const onError = () => undefined;

test("a server ends although its broker answers nothing, and keeps the message", async () => {
  const engine = await openTestEngine();
  await storeApproved(engine, plan);
  let asked = 0;
  const never = () => {
    asked += 1;
    return new Promise<never>(() => undefined);
  };
  const openQueue = () => ({
    ...createEmbeddedQueue({ ...engine, onError }),
    depth: () => Promise.resolve(0),
    publish: never,
  });
  const parts = createQueueParts(engine, { openQueue, slots: 1 });
  parts.start();
  await waitUntil("the broker is asked", () => asked === 1);
  await parts.stop();
  expect((await messagesOf(engine, plan.id)).map(({ stepId }) => stepId)).toEqual(["a"]);
  await engine.remove();
});

test("letters that the relay keeps apart are listed, counted and decided about beside those of the broker", async () => {
  const [engine, remote] = [await openTestEngine(), await openTestEngine()];
  const openQueue = () => createEmbeddedQueue({ ...remote, onError });
  const parts = createQueueParts(engine, { openQueue, slots: 1 });
  const { deadLetters } = parts.queue;
  const bury = (at: TestEngine, n: number) =>
    at.store.tx(async (tx) => {
      const { messageId: id, dedupeId, planId, stepId, tenantId } = envelope(n);
      const names = { dedupe_id: dedupeId, plan_id: planId, step_id: stepId, tenant_id: tenantId };
      const text = JSON.stringify(envelope(n));
      await tx
        .insertInto("outbox")
        .values({ id, pool, ...names, priority: 0, envelope_json: text, available_at: n, claimed_until: 0 })
        .execute();
      await buryMessage(tx, { id, at: n, reason: "too_large" });
    });
  for (const n of [1, 2]) await bury(engine, n);
  for (const n of [3, 4, 5]) await bury(remote, n);
  const ids = async (limit = 10, tenantId?: string) =>
    (await deadLetters.list(pool, limit, { tenantId })).letters.map(({ id }) => id);
  const idOf = (n: number) => envelope(n).messageId;
  expect([await ids(), await ids(3), await ids(1), await deadLetters.count(pool)]).toEqual([
    [1, 2, 3, 4, 5].map(idOf),
    [1, 2, 3].map(idOf),
    [idOf(1)],
    5,
  ]);
  expect([await ids(10, "other"), await deadLetters.count(pool, "other")]).toEqual([[], 0]);
  expect((await deadLetters.list(pool, 2)).isCut).toBe(true);
  const ended = [];
  for (const [n, how] of [
    [1, "requeue"],
    [3, "requeue"],
    [2, "drop"],
    [4, "drop"],
    [1, "drop"],
  ] as const)
    ended.push(
      await deadLetters.end(pool, { choose: (heads) => heads.map(({ id }) => id).filter((id) => id === idOf(n)) }, how),
    );
  expect([ended, await ids(), await deadLetters.count(pool)]).toEqual([
    [[idOf(1)], [idOf(3)], [idOf(2)], [idOf(4)], []],
    [idOf(5)],
    1,
  ]);
  const waiting = (at: TestEngine) => at.store.read.selectFrom("outbox").select("id").execute();
  expect([await waiting(engine), await waiting(remote)]).toEqual([[{ id: idOf(1) }], [{ id: idOf(3) }]]);
  await parts.stop();
  await engine.remove();
  await remote.remove();
});

test("a broker that keeps states of steps is told of them from the start on, until the end", async () => {
  const engine = await openTestEngine();
  await storeApproved(engine, plan);
  const told: StepStateRecord[] = [];
  const openQueue = () => ({
    ...createEmbeddedQueue({ ...engine, onError }),
    // Full: no message is sent.
    depth: () => Promise.resolve(100),
    sendStates(records: readonly StepStateRecord[]) {
      told.push(...records);
      return Promise.resolve();
    },
  });
  const parts = createQueueParts(engine, { openQueue, slots: 1 });
  engine.bus.wake(plan.id);
  expect(told).toEqual([]);
  parts.start();
  await waitUntil("the states are told", () => told.some(({ key }) => key === `${plan.id}:a`));
  await parts.stop();
  const before = told.length;
  engine.bus.wake(plan.id);
  // Longer than the pause between two sends.
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(told.length).toBe(before);
  await engine.remove();
});
