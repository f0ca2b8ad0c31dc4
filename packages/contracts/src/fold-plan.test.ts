import { array, assert, constantFrom, integer, property, tuple } from "fast-check";
import type { Arbitrary } from "fast-check";
import { describe, expect, test } from "vitest";
import { ZodError } from "zod";

import type { EventData, PlanEvent } from "./event.ts";
import { parseEvent } from "./event.ts";
import { foldPlan } from "./fold-plan.ts";
import type { PlanState, StepState } from "./fold-plan.ts";
import { finishStepId, planningStepId } from "./ids.ts";
import { hashStep } from "./plan.ts";
import { canPlanGo, canStepGo, isTerminalPlan } from "./plan-status.ts";
import { createdEvent, eventLog, testPlan, testPlanId, testStep, testTime } from "./testing/index.ts";
import type { EventInput } from "./testing/index.ts";

const plan = testPlan([testStep("a"), testStep("b", { needs: ["a"] })]);
const second = testPlan([testStep("a", { title: "Other" }), testStep("c")], { revision: 2 });
const stepIds = ["a", "b", "c"].map((id) => testStep(id).id);
const reason = { status: "failed", reason: "tool_failed", message: "it broke" } as const;

function fold(events: readonly PlanEvent[]): PlanState {
  const state = events.reduce<PlanState | undefined>(foldPlan, undefined);
  if (state === undefined) throw new Error("no events");
  return state;
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

function approvalRequest(stepId: (typeof stepIds)[number], n: number): EventData<"approval.requested">["request"] {
  return {
    approvalId: `approval-${n}` as never,
    planId: testPlanId,
    stepId,
    kind: "call",
    requestHash: "b".repeat(64),
    title: "code-writer wants to write",
    agent: "code-writer",
    risk: "low",
    reason: "outside",
    reaches: { paths: [], hosts: [], secrets: [], reversible: true },
    requestedAt: testTime,
    expiresAt: testTime,
  };
}

const proposed = (next: typeof plan, changedSteps: readonly string[]): EventInput => ({
  type: "plan.proposed",
  data: {
    plan: next,
    planHash: next.planHash,
    origin: "planner",
    planner: "model",
    changedSteps: changedSteps as never,
  },
});
const approved: EventInput = {
  type: "plan.approved",
  data: {
    revision: 1,
    planHash: plan.planHash,
    stepHashes: Object.fromEntries(plan.steps.map((step) => [step.id, hashStep(step)])),
  },
};
const turn = (costUsd: number | null): EventData<"model.finished"> => ({
  turn: 1,
  provider: "scripted",
  model: "m",
  message: { value: {} },
  finishReason: "stop",
  usage: { inputTokens: 10, outputTokens: 5 },
  costUsd,
  seconds: 1,
  toolCalls: 0,
  scripted: true,
});

/** One of the events of a plan, in no sensible order. */
function anyEvent(): Arbitrary<EventInput> {
  const ofPlan = constantFrom<EventInput>(
    createdEvent(),
    proposed(plan, ["a", "b"]),
    proposed(second, ["a", "c"]),
    approved,
    { type: "plan.rejected", data: {} },
    { type: "plan.revision_requested", data: { feedback: "no", round: 2 } },
    { type: "plan.started", data: {} },
    { type: "plan.paused", data: {} },
    { type: "plan.resumed", data: {} },
    { type: "plan.cancel_requested", data: {} },
    { type: "plan.finished", data: { status: "succeeded", branch: "x" } },
    { type: "plan.finished", data: { status: "failed", reason: "tool_failed" } },
    { type: "plan.finished", data: { status: "cancelled" } },
  );
  const ids = constantFrom(...stepIds, planningStepId(1), planningStepId(2), finishStepId);
  const ofStep = tuple(ids, integer({ min: 0, max: 13 }), integer({ min: 1, max: 3 })).map(
    ([stepId, kind, n]): EventInput => {
      const events: EventInput[] = [
        { type: "step.readied", data: {} },
        { type: "step.started", data: { worker: "w", fence: n, agent: "agent" }, attempt: n },
        { type: "step.backed_off", data: { error: { code: "tool_failed", message: "m" }, retryAt: testTime } },
        { type: "step.lost", data: { worker: "w", lostCount: n } },
        { type: "step.released", data: { reason: "stop" } },
        { type: "step.reconcile_requested", data: { message: "unknown" } },
        { type: "step.finished", data: { status: "succeeded", result: { summary: "done" } } },
        { type: "step.finished", data: reason },
        { type: "step.finished", data: { status: "skipped", reason: "upstream" } },
        { type: "step.finished", data: { status: "cancelled", reason: "cancelled" } },
        { type: "approval.requested", data: { request: approvalRequest(stepId, n) } },
        { type: "approval.decided", data: { approvalId: `approval-${n}` as never, status: "granted", scope: "once" } },
        { type: "model.finished", data: turn(n === 1 ? null : n) },
        { type: "budget.reserved", data: { turn: n, requestAttempt: 1, tokens: 1, costUsd: 0 } },
      ];
      return { ...events[kind]!, stepId };
    },
  );
  return integer({ min: 0, max: 3 }).chain((n) => (n === 0 ? ofPlan : ofStep));
}

const anyLog = array(anyEvent(), { maxLength: 60 }).map((inputs) => eventLog([createdEvent(), ...inputs]));

function allSteps(state: PlanState): StepState[] {
  return [state.planning, state.finishing, ...state.steps].filter((step) => step !== undefined);
}

describe("any log", () => {
  test("folds the same each time, and changes neither events nor states", () => {
    assert(
      property(anyLog, (events) => {
        freeze(events);
        const states = events.reduce<PlanState[]>((all, event) => [...all, freeze(foldPlan(all.at(-1), event))], []);
        expect(fold(structuredClone(events))).toEqual(states.at(-1));
      }),
    );
  });

  test("gives the same state when a resumed stream repeats a part", () => {
    assert(
      property(anyLog, array(tuple(integer({ min: 0, max: 60 }), integer({ min: 0, max: 60 }))), (events, jumps) => {
        const seen = jumps.flatMap(([to, back]) => events.slice(Math.max(0, Math.min(to, events.length) - back), to));
        const stream: PlanEvent[] = [];
        for (const event of [...seen, ...events]) {
          const last = stream.at(-1)?.seq ?? 0;
          if (event.seq <= Math.max(last, ...stream.map(({ seq }) => seq)) + 1) stream.push(event);
        }
        expect(fold([...events.slice(0, 1), ...stream])).toEqual(fold(events));
      }),
    );
  });

  test("takes only edges that the state machines have; terminal states absorb", () => {
    assert(
      property(anyLog, (events) => {
        let before: PlanState | undefined;
        for (const event of events) {
          const after: PlanState = foldPlan(before, event);
          if (before !== undefined) {
            expect(after.status === before.status || canPlanGo(before.status, after.status)).toBe(true);
            for (const step of allSteps(after)) {
              const old = allSteps(before).find(({ id }) => id === step.id);
              if (old === undefined) continue;
              expect([
                old.status,
                step.status,
                old.status === step.status || canStepGo(old.status, step.status),
              ]).toEqual([old.status, step.status, true]);
            }
          }
          before = after;
        }
      }),
      { numRuns: 300 },
    );
  });

  test("an ended plan keeps how it ended", () => {
    assert(
      property(anyLog, array(anyEvent(), { maxLength: 10 }), (events, more) => {
        const all = eventLog([...events, ...more]);
        const end = fold(all.slice(0, events.length));
        if (!isTerminalPlan(end.status)) return;
        const { updatedAt, lastSeq } = fold(all);
        expect(fold(all)).toEqual({ ...end, updatedAt, lastSeq });
      }),
    );
  });

  test("survives being written and read, unknown fields included", () => {
    assert(
      property(anyLog, (events) => {
        const written = events.map((event) => ({ ...event, future: { a: [1] }, data: { ...event.data, future: 1 } }));
        expect(written.map((event) => parseEvent(JSON.parse(JSON.stringify(event))))).toEqual(
          JSON.parse(JSON.stringify(written)),
        );
      }),
    );
  });
});

describe("parseEvent", () => {
  const [event] = eventLog([createdEvent()]);
  test.each([
    { ...event, type: "plan.exploded" },
    { ...event, seq: 0 },
    { ...event, planId: "plan-1" },
    { ...event, stepId: ".." },
    { ...event, data: { ...event?.data, budget: { maxTokens: -1 } } },
    { ...event, data: undefined },
  ])("refuses a malformed event %#", (value) => {
    expect(() => parseEvent(value)).toThrow(ZodError);
  });
});

test("a log begins with plan.created", () => {
  const [, started] = eventLog([createdEvent(), { type: "plan.started", data: {} }]);
  expect(() => foldPlan(undefined, started!)).toThrow("begins with plan.created, not plan.started");
});

test("a whole life, from goal to branch", () => {
  const step = (id: string, input: Omit<EventInput, "stepId">) => ({ ...input, stepId: id }) as EventInput;
  const request = approvalRequest(stepIds[1]!, 1);
  const events = eventLog([
    createdEvent(),
    step("plan.1", { type: "step.started", data: { worker: "w", fence: 1, agent: "planning" }, attempt: 1 }),
    step("plan.1", { type: "model.finished", data: turn(0.25) }),
    step("plan.1", { type: "step.finished", data: { status: "succeeded", result: { summary: "planned" } } }),
    proposed(plan, ["a", "b"]),
    approved,
    step("a", { type: "step.readied", data: {} }),
    { type: "plan.started", data: {} },
    step("a", { type: "step.started", data: { worker: "w", fence: 1, agent: "agent" }, attempt: 1 }),
    step("a", { type: "step.backed_off", data: { error: { code: "x", message: "again" }, retryAt: testTime } }),
    step("a", { type: "step.readied", data: {} }),
    step("a", { type: "step.started", data: { worker: "w", fence: 3, agent: "agent" }, attempt: 2 }),
    step("a", { type: "model.finished", data: turn(null) }),
    step("a", { type: "step.finished", data: { status: "succeeded", result: { summary: "done", head: "c1" } } }),
    step("b", { type: "approval.requested", data: { request } }),
    step("b", { type: "approval.decided", data: { approvalId: request.approvalId, status: "denied", feedback: "no" } }),
    step("b", { type: "step.finished", data: { status: "failed", reason: "denied", message: "no" } }),
    { type: "plan.finished", data: { status: "failed", reason: "denied", message: "step b: no" } },
  ]);
  const at = (seq: number) => events[seq - 1]!.at;
  const blank = { turns: 0, toolCalls: 0, inputTokens: 0, outputTokens: 0, costUsd: 0, activity: undefined };
  const oneTurn = { ...blank, turns: 1, inputTokens: 10, outputTokens: 5 };
  expect(fold(events)).toEqual({
    id: testPlanId,
    status: "failed",
    reason: "denied",
    message: "step b: no",
    goal: "Make it better",
    createdAt: at(1),
    updatedAt: at(18),
    finishedAt: at(18),
    createdBy: "test",
    repository: createdEvent().data["repository" as never],
    model: "scripted:file",
    scripted: true,
    sandbox: "none",
    budget: {},
    retryOf: undefined,
    planner: "model",
    plan,
    planHash: plan.planHash,
    revision: 1,
    recordedRevision: 0,
    approvedHash: plan.planHash,
    approvedSteps: { a: plan.steps[0]!.stepHash, b: plan.steps[1]!.stepHash },
    planning: {
      ...oneTurn,
      id: "plan.1",
      status: "succeeded",
      attempt: 1,
      costUsd: 0.25,
      startedAt: at(2),
      finishedAt: at(4),
      result: { summary: "planned" },
    },
    steps: [
      {
        ...oneTurn,
        id: "a",
        status: "succeeded",
        attempt: 2,
        startedAt: at(9),
        finishedAt: at(14),
        result: { summary: "done", head: "c1" },
      },
      { ...blank, id: "b", status: "failed", reason: "denied", message: "no", attempt: 0, finishedAt: at(17) },
    ],
    approvals: [
      { ...request, status: "denied", scope: undefined, feedback: "no", decidedBy: "test", decidedAt: at(16) },
    ],
    spend: { inputTokens: 20, outputTokens: 10, costUsd: 0.25, unknownCostTurns: 1, turns: 2 },
    branch: undefined,
    commit: undefined,
    evidenceRef: undefined,
    lastSeq: 18,
  });
});

test("one command without a sandbox marks the run, and nothing takes the mark away", () => {
  const boxed = createdEvent({ sandbox: "bubblewrap" });
  const finished = (callId: string, unsandboxed: boolean): EventInput => ({
    type: "tool.finished",
    stepId: stepIds[0]!,
    data: {
      callId,
      tool: "run_command",
      state: "completed",
      summary: "",
      output: { value: {} },
      seconds: 1,
      ...(unsandboxed ? { unsandboxed } : {}),
    },
  });
  const marks = [[boxed], [boxed, finished("1.0", false)], [boxed, finished("1.0", true), finished("2.0", false)]];
  expect(marks.map((inputs) => fold(eventLog(inputs)).sandbox)).toEqual(["bubblewrap", "bubblewrap", "none"]);
});
