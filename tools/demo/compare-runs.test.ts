import { expect, test } from "vitest";

import { problemsOf } from "./compare-runs.ts";
import type { StackRun } from "./compare-runs.ts";

const embedded: StackRun = {
  stack: "embedded",
  status: "succeeded",
  seconds: 1,
  events: 3,
  killed: [],
  turns: { delivered: 2, boughtTwice: 0 },
  outcome: { plan: ["plan.created", "plan.finished"], a: ["step.succeeded"] },
  problems: [],
};
const run = (changes: Partial<StackRun> = {}): StackRun => ({
  ...embedded,
  stack: "other",
  killed: ["api-0", "worker-1", "worker-1"],
  ...changes,
});

test("a run that came to the same has no problem", () => {
  expect([problemsOf(embedded, embedded), problemsOf(run(), embedded)]).toEqual([[], []]);
});

test.each<[string, Partial<StackRun>]>([
  ["other: the plan ended as failed", { status: "failed" }],
  ["other: no turn was delivered", { turns: { delivered: 0, boughtTwice: 0 } }],
  ["other: 1 turns were bought twice", { turns: { delivered: 2, boughtTwice: 1 } }],
  ["other: only 2 processes were killed", { killed: ["api-0", "worker-1"] }],
  ["other: I4: lost", { problems: ["I4: lost"] }],
  [
    "other: plan differs at 1: plan.failed instead of plan.finished",
    { outcome: { ...embedded.outcome, plan: ["plan.created", "plan.failed"] } },
  ],
  [
    "other: plan differs at 1: (nothing) instead of plan.finished",
    { outcome: { ...embedded.outcome, plan: ["plan.created"] } },
  ],
  [
    "other: a differs at 1: step.retried instead of (nothing)",
    { outcome: { ...embedded.outcome, a: ["step.succeeded", "step.retried"] } },
  ],
  ["other: a differs at 0: (nothing) instead of step.succeeded", { outcome: { plan: embedded.outcome["plan"] ?? [] } }],
  [
    "other: b differs at 0: step.succeeded instead of (nothing)",
    { outcome: { ...embedded.outcome, b: ["step.succeeded"] } },
  ],
])("%s", (problem, changes) => {
  expect(problemsOf(run(changes), embedded)).toEqual([problem]);
});
