import { parseEvent } from "@ossaat/contracts";
import type { PlanEvent } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { soundFacts } from "../testing/sound-plan.ts";
import { describeBadEnds } from "./describe-bad-ends.ts";

const { events } = soundFacts();

function logWith(...more: { type: string; data: object; attempt?: number; stepId?: string }[]): PlanEvent[] {
  const { at, planId, actor } = events[0]!;
  const last = events.length;
  const added = more.map((event, index) =>
    parseEvent({ schemaVersion: 1, at, planId, actor, stepId: "b", ...event, seq: last + index + 1 }),
  );
  return [...events, ...added];
}

test("a plan that succeeded has no bad ends; a step that was skipped for others or replaced is none", () => {
  expect(describeBadEnds(events)).toEqual([]);
  const skipped = { type: "step.finished", data: { status: "skipped", reason: "upstream" } };
  const replaced = { type: "step.finished", data: { status: "cancelled", reason: "replanned" } };
  expect(describeBadEnds(logWith(skipped, replaced))).toEqual([]);
});

test("a step that failed is named with its reason and with what became of its attempts", () => {
  const error = { code: "tool_failed", message: "git add failed with exit code 128." };
  const log = logWith(
    { type: "step.backed_off", attempt: 2, data: { error, retryAt: "2026-01-01T00:00:00.000Z" } },
    { type: "step.lost", attempt: 3, data: { worker: "worker-2", lostCount: 1 } },
    { type: "step.finished", attempt: 4, data: { status: "failed", reason: "poison", message: "again and again" } },
  );
  expect(describeBadEnds(log)).toEqual([
    "b failed, poison: again and again; attempt 1 lost by worker-1 (1); " +
      "attempt 2 failed: git add failed with exit code 128.; attempt 3 lost by worker-2 (1)",
  ]);
});
