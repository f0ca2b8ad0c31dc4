// What the live lines of a run say of a step that waits.
import { foldPlan } from "@ossaat/contracts";
import type { EventData, PlanState } from "@ossaat/contracts";
import { createdEvent, eventLog } from "@ossaat/contracts/testing";
import { describe, expect, test } from "vitest";

import { formatClock } from "./format-figures.ts";
import { eventLine, renderRun } from "./render-run.ts";
import { createStyle } from "./style.ts";

const style = createStyle({ color: false, plain: true, wordsOnly: false });
/** Far from midnight in the zone of whoever runs this. */
const noon = new Date(2026, 10, 26, 12, 0, 0);
const later = new Date(2026, 10, 26, 14, 3, 20).toISOString();

function waitingPlan(data: EventData<"step.backed_off">) {
  const step = { stepId: "plan.1" as never, attempt: 1 };
  const events = eventLog([
    createdEvent(),
    { type: "step.readied", ...step, data: {} },
    { type: "step.started", ...step, data: { worker: "w", fence: 1, agent: "planner" } },
    { type: "step.backed_off", ...step, data },
  ]);
  const state = events.reduce<PlanState | undefined>(foldPlan, undefined);
  if (state === undefined) throw new Error("no events");
  return { state, last: events[3]! };
}

describe("a step that waits before it tries again", () => {
  const error = { code: "rate_limited", message: "busy" };
  test.each<[string, EventData<"step.backed_off">, string]>([
    [
      "because its provider said until when",
      { error, retryAt: later, askedBy: "provider" },
      "waiting for the provider until 14:03 (its Retry-After)",
    ],
    ["because it failed", { error, retryAt: later }, "tries again at 14:03"],
  ])("%s, says so and until when", (_name, data, expected) => {
    const { state, last } = waitingPlan(data);
    const lines = renderRun(state, { style, width: 100, now: noon.getTime() });
    expect(lines[2]).toContain(`~ retries     plan.1  ${expected}`);
    expect(eventLine(last)).toContain(expected.replace("14:03", later));
  });
});

test.each([
  [later, "14:03"],
  [new Date(2026, 10, 26, 12, 0, 20).toISOString(), "12:00:20"],
  [new Date(2026, 10, 27, 2, 3).toISOString(), "11-27 02:03"],
])("%s is read as %s", (at, expected) => {
  expect(formatClock(at, noon.getTime())).toBe(expected);
});
