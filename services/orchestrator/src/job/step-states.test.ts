import { PlanId } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createEventBus } from "../event/event-bus.ts";
import { endByLastStep, takeStep } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { completeStep } from "./end-step.ts";
import { StepStates } from "./step-states.ts";
import type { StepStateRecord } from "./step-states.ts";

const plan = testPlan([testStep("a"), testStep("b", { needs: ["a"] })]);
const day = 24 * 60 * 60 * 1_000;

let engine: TestEngine;
let sent: StepStateRecord[][];
let states: StepStates;
let isDown: boolean;
beforeEach(async () => {
  engine = await openTestEngine();
  sent = [];
  isDown = false;
  states = new StepStates({
    ...engine,
    send(records) {
      if (isDown) return Promise.reject(new Error("out of reach"));
      sent.push([...records]);
      return Promise.resolve();
    },
  });
  await storeApproved(engine, plan);
});
afterEach(() => engine.remove());

const of = (records: readonly StepStateRecord[] | undefined) =>
  records?.map(({ key, value }) => [key.replace(`${plan.id}:`, ""), value === null ? null : JSON.parse(value)]);

async function seqNow(): Promise<number> {
  const row = await engine.store.read.selectFrom("plan").select("next_seq").executeTakeFirstOrThrow();
  return row.next_seq - 1;
}

test("each step is sent with its state, attempt, fence and the sequence it was taken at, once until the log grows", async () => {
  await states.flush();
  const before = await seqNow();
  await states.flush();
  const a = await takeStep(engine, plan.id, "a");
  const claimed = await seqNow();
  await states.flush();
  await completeStep(engine, a, { summary: "" });
  await states.flush();
  const rows = [
    [
      ["a", { state: "ready", attempt: 1, fence: 0, seq: before }],
      ["b", { state: "blocked", attempt: 1, fence: 0, seq: before }],
    ],
    [
      ["a", { state: "running", attempt: 1, fence: 1, seq: claimed }],
      ["b", { state: "blocked", attempt: 1, fence: 0, seq: claimed }],
    ],
    [
      ["a", { state: "succeeded", attempt: 1, fence: 2, seq: await seqNow() }],
      ["b", { state: "ready", attempt: 1, fence: 0, seq: await seqNow() }],
    ],
  ];
  // The first look at all plans sends once more what the log has told.
  expect(sent.map(of)).toEqual([rows[0], ...rows]);
});

test("what could not be sent is sent the next time", async () => {
  isDown = true;
  await expect(states.flush()).rejects.toThrow("out of reach");
  await takeStep(engine, plan.id, "a");
  isDown = false;
  await states.flush();
  expect(of(sent[0])?.[0]).toEqual(["a", { state: "running", attempt: 1, fence: 1, seq: await seqNow() }]);
});

test("another process finds the states at its start, and what it was not told of by the next look", async () => {
  const other = new StepStates({
    ...engine,
    bus: createEventBus(),
    send: (records) => Promise.resolve(void sent.push([...records])),
  });
  await other.flush();
  await takeStep(engine, plan.id, "a");
  await other.flush();
  expect(sent).toHaveLength(1);
  engine.clock.advance(60 * 60 * 1_000);
  await other.flush();
  expect(of(sent[1])?.[0]).toEqual(["a", { state: "running", attempt: 1, fence: 1, seq: await seqNow() }]);
});

test("of the processes that share a store one sends, and another goes on with what that one left out", async () => {
  const all: string[] = [];
  const sender = (name: string) =>
    new StepStates({
      ...engine,
      send(records) {
        all.push(...records.map(({ key }) => `${name} ${key.split(":")[1]}`));
        return Promise.resolve();
      },
    });
  const [first, second] = [sender("1"), sender("2")];
  const both = async () => {
    all.length = 0;
    for (const each of [first, second]) await each.flush();
    return [...all];
  };
  const { isShared } = engine.store;
  await both();
  const claim = await takeStep(engine, plan.id, "a");
  expect(await both()).toEqual(isShared ? ["1 a", "1 b"] : ["1 a", "1 b", "2 a", "2 b"]);
  expect(await both()).toEqual([]);
  // The first ends before it has sent this.
  await first.stop();
  await completeStep(engine, claim, { summary: "" });
  // Whose turn it is is asked every two seconds.
  engine.clock.advance(2_000);
  all.length = 0;
  await second.flush();
  expect(all).toEqual(["2 a", "2 b"]);
  await second.stop();
});

test("a look sends what changed since the one before, by whichever process, and all of it once a day", async () => {
  const other = { ...plan, id: PlanId.parse("plan-00000000-0000-4000-8000-000000000002") };
  await storeApproved(engine, other);
  const isolated = () =>
    new StepStates({
      ...engine,
      bus: createEventBus(),
      send: (records) => Promise.resolve(void sent.push([...records])),
    });
  const plansOf = () => [...new Set(sent.flat().map(({ key }) => key.split(":")[0]))];
  const one = isolated();
  await one.flush();
  expect(plansOf()).toEqual([plan.id, other.id]);
  // Nothing happens for so long that those two are no part of what changed.
  const looks = async (hours: number) => {
    sent = [];
    engine.clock.advance(hours * 60 * 60 * 1_000);
    await one.flush();
    return plansOf();
  };
  await looks(3);
  await takeStep(engine, other.id, "a");
  expect([await looks(1), await looks(3), await looks(17)]).toEqual([[other.id], [], [plan.id, other.id]]);
  await one.stop();
});

test("an ended plan is forgotten after thirty days, and no longer spoken of after another week", async () => {
  await states.flush();
  for (const step of ["a", "b"]) await completeStep(engine, await takeStep(engine, plan.id, step), { summary: "" });
  await endByLastStep(engine, await takeStep(engine, plan.id, "plan.finish"));
  await states.flush();
  const later = async (days: number) => {
    sent = [];
    engine.clock.advance(days * day);
    await states.flush();
    return sent.map((records) => records.map(({ value }) => value === null));
  };
  const kept = [[false, false, false]];
  const forgotten = [[true, true, true]];
  // Once a day everything is sent, whatever was sent before.
  expect([await later(29), await later(2), await later(3), await later(7)]).toEqual([kept, forgotten, forgotten, []]);
});
