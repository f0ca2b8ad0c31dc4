import { describe, expect, test } from "vitest";

import { findLoop } from "./find-loop.ts";
import type { CallRecord } from "./history.ts";
import { stepLimits } from "./limits.ts";

type Told = {
  tool?: string;
  args?: string;
  text?: string;
  state?: "completed" | "failed" | "denied";
  summary?: string;
};

const callsOf = (told: readonly Told[]): CallRecord[] =>
  told.map(({ tool = "read_file", args = "h", text = "same", state = "completed", summary = "Read it." }, index) => ({
    callId: `${index + 1}.0`,
    tool,
    argsHash: args,
    finished: { callId: `${index + 1}.0`, tool, state, summary, output: { value: { text } }, seconds: 0 },
  }));

const times = (count: number, round: readonly Told[]) => callsOf(Array.from({ length: count }, () => round).flat());

describe("rounds of equal calls with equal results", () => {
  const round = (period: number) => Array.from({ length: period }, (_, index): Told => ({ args: `h${index}` }));
  const periods = Array.from({ length: stepLimits.maxLoopPeriod }, (_, index) => index + 1);

  test.each(periods)("of %i calls are told after 3 and end after 5", (period) => {
    const loops = [1, 2, 3, 4, 5, 6].map((count) => findLoop(times(count, round(period)), "finish"));
    expect(loops.map((loop) => loop?.isFinal)).toEqual([undefined, undefined, false, false, true, true]);
  });

  test("are no loop when a result, a tool or an argument changes", () => {
    const changed: Told[] = [{ text: "other" }, { tool: "list_files" }, { args: "h9" }];
    for (const change of changed) {
      const list = callsOf([...round(2), ...round(2), change, ...round(2), ...round(2)]);
      expect(findLoop(list, "finish")).toBeUndefined();
    }
  });

  test("are one loop when their outputs differ, and their results are the same", () => {
    const run = (seconds: number, result: string): CallRecord[] =>
      callsOf([{ tool: "run_tests", text: `exited 1 after ${seconds} s` }]).map((call) => ({
        ...call,
        finished: { ...call.finished!, resultHash: result },
      }));
    const [a, b] = ["a".repeat(64), "b".repeat(64)];
    const same = [1, 2, 3, 4, 5].flatMap((seconds) => run(seconds, a));
    expect([findLoop(same, "finish")?.isFinal, findLoop([...same.slice(1), ...run(1, b)], "finish")]).toEqual([
      true,
      undefined,
    ]);
  });

  test("say what repeats", () => {
    expect([findLoop(times(3, round(1)), "finish")?.what, findLoop(times(3, round(2)), "finish")?.what]).toEqual([
      "the last 3 calls were the same and gave the same result",
      "the last 6 calls were 3 times the same 2, with the same results",
    ]);
  });

  test("longer than the longest round are not looked for", () => {
    expect(findLoop(times(6, round(stepLimits.maxLoopPeriod + 1)), "finish")).toBeUndefined();
  });
});

describe("one tool that fails in the same way", () => {
  const failure = (n: number, changes: Told = {}): Told => ({
    tool: "edit_file",
    args: `h${n}`,
    state: "failed",
    summary: `oldText was not found; line ${n} is the nearest`,
    text: `${n}`,
    ...changes,
  });
  const failures = (count: number) => Array.from({ length: count }, (_, n) => failure(n));

  test("is told after 4 and ends after 8, whatever the arguments and whatever is read in between", () => {
    const withReads = (count: number) =>
      callsOf(failures(count).flatMap((call, n): Told[] => [{ args: `r${n}`, text: `${n}` }, call]));
    const counts = [3, 4, 7, 8];
    expect(counts.map((count) => findLoop(withReads(count), "finish")?.isFinal)).toEqual([
      undefined,
      false,
      false,
      true,
    ]);
  });

  test("is no loop after a success, after another failure, or in the control tool", () => {
    const success = failure(9, { state: "completed", summary: "Edited." });
    expect(findLoop(callsOf([...failures(6), success, ...failures(3)]), "finish")).toBeUndefined();
    const other = failure(9, { summary: "the file does not exist" });
    expect(findLoop(callsOf([...failures(6), other]), "finish")).toBeUndefined();
    expect(findLoop(callsOf(failures(9)), "edit_file")).toBeUndefined();
  });

  test("counts denials too", () => {
    const denied = callsOf(Array.from({ length: 8 }, (_, n) => failure(n, { state: "denied", summary: "denied" })));
    expect(findLoop(denied, "finish")).toEqual({
      what: "the last 8 calls of edit_file failed in the same way (denied)",
      isFinal: true,
    });
  });
});
