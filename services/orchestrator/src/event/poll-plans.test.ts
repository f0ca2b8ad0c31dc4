// When readers of a log are woken although nobody told them: how often the database is asked for that.
import { setTimeout as sleep } from "node:timers/promises";

import { PlanId } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { Store } from "../store/store.ts";
import { lastSeqOf } from "../testing/look.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { PlanPolls } from "./poll-plans.ts";

/** Longer than any test. */
const never = 3_600_000;

let engine: TestEngine;
let store: Store;
let asked: number;
let leaves: (() => void)[];
const ids = ["1", "2", "3"].map((n) => PlanId.parse(`plan-0000000${n}`));
beforeEach(async () => {
  engine = await openTestEngine();
  for (const id of ids) await storeApproved(engine, testPlan([testStep("a")], { id }));
  [asked, leaves] = [0, []];
  const read = engine.store.read.withPlugin({
    transformQuery: ({ node }) => ((asked += 1), node),
    transformResult: ({ result }) => Promise.resolve(result),
  });
  store = { ...engine.store, read };
});
afterEach(async () => {
  for (const leave of leaves) leave();
  // A look that is under way ends before the store does.
  await sleep(50);
  await engine.remove();
});

/** Readers that have seen all there is, three of each plan. */
async function enter(polls: PlanPolls) {
  const readers = [];
  for (const planId of ids.flatMap((id) => [id, id, id])) {
    const seen = await lastSeqOf(engine, planId);
    const reader = { planId, woken: 0 };
    leaves.push(polls.enter({ store, planId, seen: () => seen, wake: () => void (reader.woken += 1) }));
    readers.push(reader);
  }
  return readers;
}

/** As a process does of which nothing is heard. */
const grow = (planId: string) =>
  engine.store.tx((tx) =>
    tx
      .updateTable("plan")
      .set((eb) => ({ next_seq: eb("next_seq", "+", 1) }))
      .where("id", "=", planId)
      .execute(),
  );

test("while all that happens is heard of, the database is hardly asked", async () => {
  const polls = new PlanPolls({ isHeard: () => true, pollMs: 5, seldomMs: never });
  await enter(polls);
  await sleep(100);
  expect(asked).toBe(0);
});

test("while nothing is heard, one look for all wakes the readers of what grew, and no others", async () => {
  let isHeard = false;
  const polls = new PlanPolls({ isHeard: () => isHeard, pollMs: 5, seldomMs: never });
  const readers = await enter(polls);
  await waitUntil("some looks", () => asked >= 3);
  expect(readers.map(({ woken }) => woken)).toEqual(readers.map(() => 0));
  await grow(ids[1]!);
  const wokenOf = (planId: string) => readers.filter((reader) => reader.planId === planId && reader.woken > 0).length;
  await waitUntil("they are woken", () => wokenOf(ids[1]!) === 3);
  expect([wokenOf(ids[0]!), wokenOf(ids[2]!)]).toEqual([0, 0]);
  // What happened until it was heard again is looked for once more.
  isHeard = true;
  await sleep(50);
  const before = asked;
  await sleep(50);
  expect(asked).toBe(before);
});

test("a look that fails is made again, and nobody looks when nobody reads", async () => {
  const polls = new PlanPolls({ isHeard: () => false, pollMs: 5, seldomMs: never });
  const good = store.read;
  store.read = good.withPlugin({
    transformQuery: () => {
      asked += 1;
      throw new Error("away");
    },
    transformResult: ({ result }) => Promise.resolve(result),
  });
  const readers = await enter(polls);
  await waitUntil("some looks", () => asked >= 3);
  store.read = good;
  await grow(ids[0]!);
  await waitUntil("they are woken", () => readers.some(({ woken }) => woken > 0));
  for (const leave of leaves.splice(0)) leave();
  await sleep(20);
  const before = asked;
  await sleep(50);
  expect(asked).toBe(before);
});
