import { testPlan, testStep } from "@ossaat/contracts/testing";
import type { Plan } from "@ossaat/contracts";
import { describe, expect, test } from "vitest";

import { compareRuns } from "./compare-runs.ts";
import type { Move, Recording } from "./recording.ts";

const moves = (...told: string[]): Move[] =>
  told.map((text) => {
    const [at = "", ...what] = text.split(": ");
    return { at, what: what.join(": ") };
  });

type Told = { moves?: Move[]; status?: "succeeded" | "failed" | "cancelled"; proposed?: Plan; end?: false };

function recording({ moves: told = [], status = "succeeded", proposed, end }: Told): Recording {
  const step = { id: "a", turns: [], failures: [], moves: told, calls: new Map(), isCarried: false };
  return {
    planId: "plan-1",
    options: {} as Recording["options"],
    steps: new Map([["a", step]]),
    answers: new Map(),
    proposed,
    ...(end === false ? {} : { end: { status } }),
  };
}

const good = moves("turn 1: toolCalls, 1 calls", "1.0 edit_file: completed, tree 1", "end: succeeded");
const differenceOf = (recorded: Told, replayed: Told) =>
  compareRuns(recording(recorded), recording(replayed)).steps[0]?.difference;

describe("two runs", () => {
  test("that did the same are the same", () => {
    expect(compareRuns(recording({ moves: good }), recording({ moves: good }))).toEqual({
      same: true,
      steps: [{ id: "a", turns: 0, calls: 1, difference: undefined }],
      end: { recorded: "succeeded", replayed: "succeeded" },
    });
  });

  test("differ when the second never began", () => {
    const { same, steps, end } = compareRuns(recording({ moves: good }));
    expect([same, steps[0]?.difference, end]).toEqual([
      false,
      { at: "turn 1", recorded: "toolCalls, 1 calls", replayed: "nothing" },
      { recorded: "succeeded", replayed: "no end" },
    ]);
  });

  test("differ at the first place where a result, an order or a length differs", () => {
    const [turn, , end] = good as [Move, Move, Move];
    const other = { at: "1.0 edit_file", what: "failed" };
    expect([
      differenceOf({ moves: good }, { moves: [turn, other, end] }),
      differenceOf({ moves: good }, { moves: [turn] }),
      differenceOf({ moves: [turn] }, { moves: good }),
      differenceOf({ moves: good }, { moves: [other, turn] }),
    ]).toEqual([
      { at: "1.0 edit_file", recorded: "completed, tree 1", replayed: "failed" },
      { at: "1.0 edit_file", recorded: "completed, tree 1", replayed: "nothing" },
      { at: "1.0 edit_file", recorded: "nothing", replayed: "completed, tree 1" },
      { at: "turn 1", recorded: "toolCalls, 1 calls", replayed: "1.0 edit_file: failed" },
    ]);
  });

  test("are the same where a call was not repeated, which is said of it", () => {
    const outside = moves(
      "turn 1: toolCalls, 1 calls",
      "1.0 edit_file: not repeated: it reaches outside",
      "end: succeeded",
    );
    const step = compareRuns(recording({ moves: good }), recording({ moves: outside })).steps[0];
    expect(step).toEqual({ id: "a", turns: 0, calls: 1, notRepeated: ["1.0 edit_file"], difference: undefined });
  });

  test("differ in how they end, unless a person stopped the first or it has no end yet", () => {
    const isSame = (recorded: Told) => compareRuns(recording(recorded), recording({ status: "failed" })).same;
    expect([isSame({}), isSame({ status: "cancelled" }), isSame({ end: false })]).toEqual([false, true, true]);
  });

  test("what a stopped step would have done next is no difference", () => {
    const stopped = [...good.slice(0, 2), { at: "end", what: "cancelled (cancelled)" }];
    const goesOn = [...good.slice(0, 2), { at: "end", what: "failed (provider_failed)" }];
    expect(differenceOf({ moves: stopped, status: "cancelled" }, { moves: goesOn, status: "failed" })).toBeUndefined();
  });

  test("with plans that differ in more than whose they are, differ", () => {
    const plan = (title: string, id: string) =>
      testPlan([{ ...testStep("a"), title }], { id: `plan-00000000-0000-4000-8000-${id}` as Plan["id"] });
    const compare = (title: string) =>
      compareRuns(
        recording({ proposed: plan("Do a", "000000000001") }),
        recording({ proposed: plan(title, "000000000002") }),
      ).plan;
    expect([compare("Do a"), compare("Do b")]).toEqual([
      undefined,
      { at: "plan", recorded: "a: Do a", replayed: "a: Do b" },
    ]);
  });
});
