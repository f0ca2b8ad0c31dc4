import { foldPlan } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";
import { createdEvent, eventLog, testPlan, testStep } from "@ossaat/contracts/testing";
import type { EventInput } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { renderEnd } from "./render-end.ts";
import { createStyle } from "./style.ts";

const style = createStyle({ color: false, plain: true, wordsOnly: true });
const plan = testPlan([testStep("a")]);

function endOf(...more: EventInput[]): string[] {
  const events = eventLog([
    createdEvent(),
    {
      type: "plan.proposed",
      data: { plan, planHash: plan.planHash, origin: "planner", planner: "model", changedSteps: ["a"] as never },
    },
    { type: "plan.approved", data: { planHash: plan.planHash, stepHashes: {}, revision: plan.revision } },
    { type: "plan.started", data: {} },
    ...more,
  ]);
  const state = events.reduce<PlanState | undefined>(foldPlan, undefined);
  if (state === undefined) throw new Error("no events");
  const lines = renderEnd(state, style).split("\n");
  return [lines[0] ?? "", ...lines.filter((line) => /^(?:Next|Undo| {10}ossaat)/u.test(line))];
}

test("a paused plan is called so, and goes on by resume", () => {
  expect(endOf({ type: "plan.paused", data: {} })).toEqual([
    "paused  Make it better",
    `Next      ossaat resume ${plan.id}`,
  ]);
});

test("a cancelled plan says why it was", () => {
  const ended: EventInput = { type: "plan.finished", data: { status: "cancelled", reason: "cancelled" } };
  expect(endOf({ type: "plan.cancel_requested", data: { reason: "an approval was needed" } }, ended)).toEqual([
    "cancelled  Make it better: an approval was needed",
    `Next      ossaat logs ${plan.id}`,
    `          ossaat retry ${plan.id}`,
  ]);
});
