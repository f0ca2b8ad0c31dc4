import { foldPlan } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";
import { createdEvent, eventLog, testPlan, testStep } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { renderPlanText } from "./render-plan.ts";
import { createStyle } from "./style.ts";

const envelope = { egressHosts: ["api.example.org", "localhost"], secrets: ["API_KEY", "my key"] };
const plan = testPlan([testStep("a", { envelope, summary: "Let the first of the sums add up to what it is." })]);

function textOf(columns?: number): string[] {
  const data = { plan, planHash: plan.planHash, origin: "planner", planner: "model", changedSteps: [] } as const;
  const events = eventLog([createdEvent(), { type: "plan.proposed", data: { ...data, changedSteps: [] } }]);
  const state = events.reduce<PlanState | undefined>(foldPlan, undefined);
  if (state === undefined) throw new Error("no events");
  return renderPlanText(state, createStyle({ color: false, plain: true, wordsOnly: true, columns })).split("\n");
}

test("marks the entries of an earlier version that grant nothing", () => {
  expect(textOf()).toEqual(
    expect.arrayContaining([
      "      hosts api.example.org, localhost (grants nothing)",
      "      keys  API_KEY, my key (grants nothing)",
    ]),
  );
});

test("breaks prose between words where a terminal is narrow", () => {
  expect(textOf(40)).toEqual(
    expect.arrayContaining(["      what  Let the first of the sums", "            add up to what it is."]),
  );
});
