import { parseEvent } from "@ossaat/contracts";
import type { PlanEvent } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { soundFacts } from "../testing/sound-plan.ts";
import { findUnprovenPoison, hasProvenPoison } from "./check-poison.ts";

const { events } = soundFacts();

/** The log of a plan whose step b is given up after these. */
function logOf(...types: ("step.lost" | "model.finished")[]): PlanEvent[] {
  const { at, planId, actor } = events[0]!;
  const turn = events.find((event) => event.type === "model.finished" && event.stepId === "b")!;
  const added = types.map((type, index) =>
    type === "step.lost" ? { type, data: { worker: "worker-1", lostCount: index } } : { type, data: turn.data },
  );
  const end = { type: "step.finished", data: { status: "failed", reason: "poison", message: "again and again" } };
  return [...added, end].map((event, index) =>
    parseEvent({ schemaVersion: 1, at, planId, actor, stepId: "b", ...event, seq: index + 1 }),
  );
}

test("a step that was lost four times in a row had to be given up", () => {
  const log = logOf("step.lost", "step.lost", "step.lost", "step.lost");
  expect([findUnprovenPoison(log), hasProvenPoison(log)]).toEqual([[], true]);
});

test("fewer losses, or a turn between them, prove nothing", () => {
  const few = logOf("step.lost", "step.lost", "step.lost");
  expect([findUnprovenPoison(few), hasProvenPoison(few)]).toEqual([
    ["b counts as poison after 3 losses in a row"],
    false,
  ]);
  const between = logOf("step.lost", "step.lost", "model.finished", "step.lost", "step.lost");
  expect(findUnprovenPoison(between)).toEqual(["b counts as poison after 2 losses in a row"]);
});
