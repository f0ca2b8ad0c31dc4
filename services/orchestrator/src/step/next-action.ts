// The decision of the agent step's state machine: from history to the one next thing to do.
// Pure, so that a resumed worker decides exactly as the killed one would have.
import type { FinishReason, ToolCallPart } from "@ossaat/providers";

import type { Failure } from "../job/end-step.ts";
import { findLoop } from "./find-loop.ts";
import type { LoadedTurn } from "./conversation.ts";
import { callIdOf } from "./history.ts";
import type { StepHistory } from "./history.ts";
import { stepLimits } from "./limits.ts";

export type NextAction =
  | { type: "ask_model"; turn: number; requestAttempt: number }
  | { type: "call_tool"; turn: number; callId: string; call: ToolCallPart }
  /** The model says it is done, by the control tool (`callId` set) or in words. */
  | { type: "finish"; turn: number; callId?: string; report: unknown; text: string }
  /** The control tool was called in an answer that was cut: what it says may be half of it. */
  | { type: "refuse_finish"; callId: string; text: string }
  /** The model could not take the conversation any more: older turns have to leave it. */
  | { type: "compact"; throughTurn: number }
  | { type: "guide"; afterTurn: number; kind: string; text: string }
  | { type: "fail"; failure: Failure };

export type LoopRules = {
  /** Tool that ends the step when the model calls it. */
  controlTool: string;
  maxTurns: number;
  maxRejections: number;
};

function limit(message: string, reason: Failure["reason"] = "limit"): NextAction {
  return { type: "fail", failure: { reason, code: "limit_exceeded", message, retryable: false } };
}

function textOf(turn: LoadedTurn): string {
  return turn.message.parts
    .flatMap((part) => (part.type === "text" || part.type === "refusal" ? [part.text] : []))
    .join("\n");
}

/** How often the agent's work was not accepted. */
export function countRejections(history: StepHistory, controlTool: string): number {
  const byTool = history.finishedCalls.filter(
    ({ tool, finished }) => tool === controlTool && finished?.state === "failed",
  );
  return byTool.length + history.guidance.filter(({ kind }) => kind === "check_failed").length;
}

/** What the agent was told last about work that was not accepted. */
function lastRejection(history: StepHistory, controlTool: string): string {
  const told = history.guidance.findLast(({ kind }) => kind === "check_failed")?.text;
  const call = history.finishedCalls.findLast(({ tool, finished }) => tool === controlTool && finished !== undefined);
  const output: unknown = call?.finished?.output["value"];
  const answered = (output as { text?: unknown } | undefined)?.text;
  const text = typeof answered === "string" ? answered : told;
  return text === undefined ? "" : `: ${text.slice(0, stepLimits.maxReasonChars)}`;
}

function pendingCall(history: StepHistory, turn: LoadedTurn, rules: LoopRules): NextAction | undefined {
  for (const [index, call] of turn.toolCalls.entries()) {
    const callId = callIdOf(turn.turn, index);
    if (history.calls.get(callId)?.finished !== undefined) continue;
    if (call.name === rules.controlTool && turn.finishReason === "length") {
      const text = "Your answer was cut at its length limit, so it does not count as the end. Go on; keep text short.";
      return { type: "refuse_finish", callId, text };
    }
    if (call.name === rules.controlTool) {
      return { type: "finish", turn: turn.turn, callId, report: call.input ?? {}, text: textOf(turn) };
    }
    return { type: "call_tool", turn: turn.turn, callId, call };
  }
  return undefined;
}

/** How many of the newest answers were cut and held no call but the control tool's, which does not count then. */
function countCut(history: StepHistory, controlTool: string): number {
  const working = new Set(
    history.finishedCalls.filter(({ tool }) => tool !== controlTool).map(({ callId }) => Number(callId.split(".")[0])),
  );
  const isCut = ({ turn, finishReason }: StepHistory["turns"][number]): boolean =>
    (finishReason === "length" || finishReason === "pause") && !working.has(turn);
  return history.turns.length - 1 - history.turns.findLastIndex((turn) => !isCut(turn));
}

function afterCalls(history: StepHistory, turn: LoadedTurn, rules: LoopRules): NextAction | undefined {
  const guided = history.guidance.some(({ afterTurn }) => afterTurn === turn.turn);
  if (guided) return undefined;
  const cut = countCut(history, rules.controlTool);
  if (cut >= stepLimits.maxCutInARow)
    return limit(`the model's answer was cut ${cut} times in a row before it called a tool`, "loop");
  if (turn.toolCalls.length > 0) {
    const loop = findLoop(history.finishedCalls, rules.controlTool);
    if (loop === undefined) return undefined;
    if (loop.isFinal) return limit(`the agent goes in circles: ${loop.what}`, "loop");
    const text = `You go in circles: ${loop.what}. Do something else, or finish and say what stops you.`;
    return { type: "guide", afterTurn: turn.turn, kind: "loop", text };
  }
  if (turn.finishReason === "length") {
    const text = "Your answer was cut at its length limit. Go on with a tool call; keep text short.";
    return { type: "guide", afterTurn: turn.turn, kind: "length", text };
  }
  if (turn.finishReason === "pause") {
    return { type: "guide", afterTurn: turn.turn, kind: "pause", text: "Your answer paused. Go on." };
  }
  return { type: "finish", turn: turn.turn, report: undefined, text: textOf(turn) };
}

function providerFailure(message: string, retryable: boolean): NextAction {
  return { type: "fail", failure: { reason: "provider_failed", code: "provider_failed", message, retryable } };
}

/** An answer that filled the window is no answer. It leaves the conversation, unless that has just been tried. */
function afterFullContext(history: StepHistory, { turn }: LoadedTurn): NextAction {
  const isTried = history.compaction !== undefined && history.compaction.throughTurn === turn - 1;
  if (isTried || turn === 1) return limit("the conversation of this step does not fit the model's context window");
  return { type: "compact", throughTurn: turn };
}

/** The end that the last answer's finish reason alone decides; undefined when there is more to do. */
function endOf(history: StepHistory, turn: LoadedTurn): NextAction | undefined {
  const reason = turn.finishReason as FinishReason;
  switch (reason) {
    case "refusal":
    case "contentFilter":
      return providerFailure(`the model refused: ${textOf(turn).slice(0, 300)}`, false);
    case "contextExceeded":
      return afterFullContext(history, turn);
    case "stop":
    case "toolCalls":
    case "length":
    case "pause":
      return undefined;
    case "error":
      return providerFailure("the model's answer ended with an error", true);
    default:
      // A log may hold a word that this version does not know.
      return providerFailure(
        `the model's answer ended with an unknown reason: ${String(reason satisfies never)}`,
        true,
      );
  }
}

/** What comes next. */
export function nextAction(history: StepHistory, turns: readonly LoadedTurn[], rules: LoopRules): NextAction {
  const last = turns.at(-1);
  if (last !== undefined) {
    const end = endOf(history, last);
    if (end !== undefined) return end;
    const pending = pendingCall(history, last, rules) ?? afterCalls(history, last, rules);
    if (countRejections(history, rules.controlTool) > rules.maxRejections) {
      const why = lastRejection(history, rules.controlTool);
      return limit(`the agent's work did not pass its check${why}`, "check_failed");
    }
    if (history.finishedCalls.length > stepLimits.maxToolCalls)
      return limit(`more than ${stepLimits.maxToolCalls} tool calls`);
    if (pending !== undefined) return pending;
  }
  const turn = Math.max(last?.turn ?? 0, history.turns.at(-1)?.turn ?? 0) + 1;
  if (turn > rules.maxTurns) return limit(`more than ${rules.maxTurns} model turns`);
  return { type: "ask_model", turn, requestAttempt: (history.requests.get(turn) ?? 0) + 1 };
}
