import type { AssistantMessage, ToolCallPart } from "@ossaat/providers";
import { describe, expect, test } from "vitest";

import type { LoadedTurn } from "./conversation.ts";
import type { CallRecord, StepHistory } from "./history.ts";
import { callIdOf, readHistory } from "./history.ts";
import { stepLimits } from "./limits.ts";
import { nextAction } from "./next-action.ts";

const rules = { controlTool: "finish", maxTurns: 5, maxRejections: 2 };

const call = (name: string, input: unknown = {}): ToolCallPart => ({
  type: "toolCall",
  id: `id-${name}`,
  name,
  rawJson: JSON.stringify(input),
  input,
});

function turnOf(turn: number, parts: AssistantMessage["parts"], finishReason = "stop"): LoadedTurn {
  const toolCalls = parts.filter((part) => part.type === "toolCall");
  return { turn, message: { role: "assistant", parts }, finishReason, toolCalls };
}

const text = (words: string): AssistantMessage["parts"] => [{ type: "text", text: words }];

function finished(callId: string, tool: string, changes: { state?: string; text?: string; argsHash?: string } = {}) {
  const { state = "completed", text: output = "", argsHash = "h" } = changes;
  const record = {
    callId,
    tool,
    argsHash,
    finished: { callId, tool, state, summary: "", output: { value: { text: output } }, seconds: 0 },
  } as CallRecord;
  return record;
}

const recorded = (turn: number) => ({
  turn,
  message: { value: {} },
  finishReason: "contextExceeded",
  toolCalls: 0,
  tokens: 1,
  costUsd: 0,
});

function historyOf(calls: readonly CallRecord[], changes: Partial<StepHistory> = {}): StepHistory {
  return {
    ...readHistory([]),
    calls: new Map(calls.map((record) => [record.callId, record])),
    finishedCalls: [...calls],
    ...changes,
  };
}

describe("what comes next", () => {
  test("at first, the model is asked; after a failed request, asked again", () => {
    expect(nextAction(historyOf([]), [], rules)).toEqual({ type: "ask_model", turn: 1, requestAttempt: 1 });
    expect(nextAction(historyOf([], { requests: new Map([[1, 2]]) }), [], rules)).toEqual({
      type: "ask_model",
      turn: 1,
      requestAttempt: 3,
    });
  });

  test("the calls of a turn are done one by one, in order, whatever was done of them before", () => {
    const turn = turnOf(1, [call("a"), call("b"), call("c")]);
    const done = (...indexes: number[]) =>
      historyOf(indexes.map((index) => finished(callIdOf(1, index), "x", { argsHash: `h${index}` })));
    const next = (history: StepHistory) => nextAction(history, [turn], rules);
    expect([next(done()), next(done(0)), next(done(0, 1)), next(done(1))]).toEqual([
      { type: "call_tool", turn: 1, callId: "1.0", call: call("a") },
      { type: "call_tool", turn: 1, callId: "1.1", call: call("b") },
      { type: "call_tool", turn: 1, callId: "1.2", call: call("c") },
      { type: "call_tool", turn: 1, callId: "1.0", call: call("a") },
    ]);
    expect(next(done(0, 1, 2))).toEqual({ type: "ask_model", turn: 2, requestAttempt: 1 });
  });

  test("a call that began and has no end is done again", () => {
    const interrupted = historyOf([]);
    interrupted.calls.set("1.0", { callId: "1.0", tool: "a", argsHash: "h" });
    expect(nextAction(interrupted, [turnOf(1, [call("a")])], rules)).toMatchObject({
      type: "call_tool",
      callId: "1.0",
    });
  });

  test("the control tool ends the step, words alone do too", () => {
    const report = { summary: "done" };
    expect(nextAction(historyOf([]), [turnOf(1, [...text("So."), call("finish", report)])], rules)).toEqual({
      type: "finish",
      turn: 1,
      callId: "1.0",
      report,
      text: "So.",
    });
    expect(nextAction(historyOf([]), [turnOf(1, text("All done."))], rules)).toEqual({
      type: "finish",
      turn: 1,
      report: undefined,
      text: "All done.",
    });
  });

  test("an answer that was cut is no end", () => {
    const cut = turnOf(1, text("I will now"), "length");
    expect(nextAction(historyOf([]), [cut], rules)).toMatchObject({ type: "guide", afterTurn: 1, kind: "length" });
    const guided = historyOf([], { guidance: [{ afterTurn: 1, kind: "length", text: "…" }] });
    expect(nextAction(guided, [cut], rules)).toEqual({ type: "ask_model", turn: 2, requestAttempt: 1 });
  });

  test("a claim to be done in an answer that was cut is refused, and does not count against the work", () => {
    const cut = turnOf(1, [call("write_file"), call("finish")], "length");
    const next = (...done: CallRecord[]) => nextAction(historyOf(done), [cut], { ...rules, maxRejections: 0 });
    const wrote = finished("1.0", "write_file");
    expect([next(), next(wrote), next(wrote, finished("1.1", "finish", { state: "cancelled" }))]).toEqual([
      { type: "call_tool", turn: 1, callId: "1.0", call: call("write_file") },
      { type: "refuse_finish", callId: "1.1", text: expect.stringMatching(/^Your answer was cut/) },
      { type: "ask_model", turn: 2, requestAttempt: 1 },
    ]);
  });

  test("answers that are cut again and again without a call end the step", () => {
    const cut = (turn: number, finishReason = "length") => ({ ...recorded(turn), finishReason });
    const next = (turns: StepHistory["turns"], parts = text("I will now"), ...done: CallRecord[]) =>
      nextAction(historyOf(done, { turns }), [turnOf(turns.at(-1)?.turn ?? 1, parts, "length")], rules);
    const looped = {
      type: "fail",
      failure: {
        reason: "loop",
        code: "limit_exceeded",
        message: "the model's answer was cut 5 times in a row before it called a tool",
        retryable: false,
      },
    };
    expect(next([cut(1), cut(2), cut(3), cut(4)])).toMatchObject({ type: "guide", kind: "length" });
    expect(next([cut(1), cut(2, "pause"), cut(3), cut(4), cut(5)])).toEqual(looped);
    expect(next([cut(1), cut(2, "toolCalls"), cut(3), cut(4), cut(5)])).toMatchObject({ type: "guide" });
    const called = finished("2.0", "read_file");
    expect(next([cut(1), cut(2), cut(3), cut(4), cut(5)], text("So"), called)).toMatchObject({ type: "guide" });
    const half = [1, 2, 3, 4, 5].map((turn) => finished(`${turn}.0`, "finish", { state: "cancelled" }));
    expect(next([cut(1), cut(2), cut(3), cut(4), cut(5)], [call("finish")], ...half)).toEqual(looped);
  });

  test("an answer that only paused is no end: the model is told to go on", () => {
    const paused = turnOf(1, text("Let me"), "pause");
    expect(nextAction(historyOf([]), [paused], rules)).toEqual({
      type: "guide",
      afterTurn: 1,
      kind: "pause",
      text: "Your answer paused. Go on.",
    });
    const guided = historyOf([], { guidance: [{ afterTurn: 1, kind: "pause", text: "…" }] });
    expect(nextAction(guided, [paused], rules)).toEqual({ type: "ask_model", turn: 2, requestAttempt: 1 });
  });

  test("an answer that filled the window leaves the conversation, once; then the next turn is asked", () => {
    const full = turnOf(3, [call("finish")], "contextExceeded");
    const compaction = (throughTurn: number) => ({
      compaction: { throughTurn, digest: { value: "" }, chars: 1, cause: "refused" as const },
    });
    expect([
      nextAction(historyOf([]), [full], rules),
      nextAction(historyOf([], compaction(2)), [full], rules),
      nextAction(historyOf([], { ...compaction(3), turns: [recorded(3)] }), [], rules),
    ]).toEqual([
      { type: "compact", throughTurn: 3 },
      { type: "fail", failure: expect.objectContaining({ reason: "limit" }) as unknown },
      { type: "ask_model", turn: 4, requestAttempt: 1 },
    ]);
  });

  test("a first message that fills the window ends the step with that reason, whatever else the answer holds", () => {
    expect(nextAction(historyOf([]), [turnOf(1, [call("finish")], "contextExceeded")], rules)).toEqual({
      type: "fail",
      failure: {
        reason: "limit",
        code: "limit_exceeded",
        message: "the conversation of this step does not fit the model's context window",
        retryable: false,
      },
    });
  });

  test.each(["error", "something_new"])("an answer that ended with %s is never work that is done", (reason) => {
    expect(nextAction(historyOf([]), [turnOf(1, [call("finish")], reason)], rules)).toMatchObject({
      type: "fail",
      failure: { reason: "provider_failed", retryable: true },
    });
  });

  test.each(["refusal", "contentFilter"])("a %s ends the step with the model's words", (reason) => {
    expect(nextAction(historyOf([]), [turnOf(1, text("I cannot."), reason)], rules)).toEqual({
      type: "fail",
      failure: {
        reason: "provider_failed",
        code: "provider_failed",
        message: "the model refused: I cannot.",
        retryable: false,
      },
    });
  });
});

describe("limits", () => {
  const reasonOf = (history: StepHistory, turns: readonly LoadedTurn[]) => {
    const action = nextAction(history, turns, rules);
    return action.type === "fail" ? [action.failure.reason, action.failure.message] : action.type;
  };
  const turnsUpTo = (count: number) => Array.from({ length: count }, (_, n) => turnOf(n + 1, [call("read_file")]));
  const callsUpTo = (count: number, same: boolean) =>
    Array.from({ length: count }, (_, n) =>
      finished(callIdOf(n + 1, 0), "read_file", { argsHash: same ? "h" : `h${n}`, text: "same" }),
    );

  test("on turns", () => {
    expect(reasonOf(historyOf(callsUpTo(4, false)), turnsUpTo(4))).toBe("ask_model");
    expect(reasonOf(historyOf(callsUpTo(5, false)), turnsUpTo(5))).toEqual(["limit", "more than 5 model turns"]);
  });

  test("on tool calls", () => {
    const calls = Array.from({ length: stepLimits.maxToolCalls + 1 }, (_, n) =>
      finished(callIdOf(1, n), "read_file", { argsHash: `h${n}` }),
    );
    expect(
      reasonOf(historyOf(calls), [
        turnOf(
          1,
          calls.map(() => call("read_file")),
        ),
      ]),
    ).toEqual(["limit", "more than 200 tool calls"]);
  });

  test("on the same call with the same result: a warning first, then the end", () => {
    const wide = { ...rules, maxTurns: 60 };
    const actions = [2, 3, 4, 5].map((count) => nextAction(historyOf(callsUpTo(count, true)), turnsUpTo(count), wide));
    expect(actions.map(({ type }) => type)).toEqual(["ask_model", "guide", "guide", "fail"]);
    expect(actions[3]).toMatchObject({ failure: { reason: "loop", retryable: false } });
  });

  test("not on the same call with another result, nor on other calls", () => {
    const wide = { ...rules, maxTurns: 60 };
    const changing = Array.from({ length: 8 }, (_, n) =>
      finished(callIdOf(n + 1, 0), "run_tests", { text: `${n} failed` }),
    );
    expect(nextAction(historyOf(changing), turnsUpTo(8), wide).type).toBe("ask_model");
    expect(nextAction(historyOf(callsUpTo(8, false)), turnsUpTo(8), wide).type).toBe("ask_model");
  });

  test("on results that are not accepted, with the last reason", () => {
    const refused = (count: number) =>
      historyOf(
        Array.from({ length: count }, (_, n) =>
          finished(callIdOf(n + 1, 0), "finish", { state: "failed", text: `reason ${n + 1}` }),
        ),
      );
    const turns = (count: number) => Array.from({ length: count }, (_, n) => turnOf(n + 1, [call("finish")]));
    expect(reasonOf(refused(2), turns(2))).toBe("ask_model");
    expect(reasonOf(refused(3), turns(3))).toEqual([
      "check_failed",
      "the agent's work did not pass its check: reason 3",
    ]);
    const inWords = historyOf([], {
      guidance: [1, 2, 3].map((afterTurn) => ({ afterTurn, kind: "check_failed", text: `words ${afterTurn}` })),
    });
    expect(reasonOf(inWords, [turnOf(3, text("Done."))])).toEqual([
      "check_failed",
      "the agent's work did not pass its check: words 3",
    ]);
  });
});
