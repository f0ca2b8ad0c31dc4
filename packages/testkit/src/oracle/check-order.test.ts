import { parseEvent } from "@ossaat/contracts";
import type { PlanEvent } from "@ossaat/contracts";
import { testPlanId } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { findFenceBreaches } from "./check-order.ts";

type Told = {
  type: "step.started" | "step.lost" | "step.finished";
  stepId: string;
  worker: string;
  fence?: number;
  succeeded?: boolean;
  at?: string;
};

function dataOf({ type, worker, fence = 1, succeeded = false }: Told): object {
  if (type === "step.started") return { worker, fence, agent: "a" };
  if (type === "step.lost") return { worker, lostCount: 4 };
  return succeeded ? { status: "succeeded" } : { status: "failed", reason: "poison" };
}

const log = (told: readonly Told[]): PlanEvent[] =>
  told.map((each, index) =>
    parseEvent({
      seq: index + 1,
      at: each.at ?? "2026-01-01T00:00:00.000Z",
      planId: testPlanId,
      stepId: each.stepId,
      attempt: 1,
      actor: { kind: "worker", id: each.worker },
      type: each.type,
      data: dataOf(each),
    }),
  );

test("a planner may end what another worker holds; who holds no planning step may not", () => {
  const held: Told = { type: "step.started", stepId: "s0", worker: "worker-0" };
  const ended: Told = { type: "step.finished", stepId: "s0", worker: "planner" };
  const planning: Told = { type: "step.started", stepId: "plan.2", worker: "planner" };
  expect(findFenceBreaches(log([held, planning, ended]))).toEqual([]);
  expect(findFenceBreaches(log([held, ended]))).toEqual([
    "event 2: attempt 1 of planner wrote for s0, held by attempt 1 of worker-0",
  ]);
});

test("a worker may end what it gives up, in the same change; another one may not, nor it itself later", () => {
  const held: Told = { type: "step.started", stepId: "s0", worker: "worker-0" };
  const lost: Told = { type: "step.lost", stepId: "s0", worker: "worker-0" };
  const ended: Told = { type: "step.finished", stepId: "s0", worker: "worker-0" };
  const elsewhere: Told = { type: "step.started", stepId: "s1", worker: "worker-0" };
  expect(findFenceBreaches(log([held, lost, ended]))).toEqual([]);
  expect(findFenceBreaches(log([held, lost, { ...ended, worker: "worker-1" }]))).toEqual([
    "event 3: worker-1 wrote for s0, which nobody held",
  ]);
  expect(findFenceBreaches(log([held, lost, elsewhere, ended]))).toEqual([
    "event 4: worker-0 wrote for s0, which nobody held",
  ]);
  const unheld = ["event 3: worker-0 wrote for s0, which nobody held"];
  expect(findFenceBreaches(log([held, lost, { ...ended, succeeded: true }]))).toEqual(unheld);
  expect(findFenceBreaches(log([held, lost, { ...ended, at: "2026-01-01T00:00:00.001Z" }]))).toEqual(unheld);
  const other: Told = { type: "step.lost", stepId: "s0", worker: "worker-1" };
  expect(findFenceBreaches(log([held, other, { ...ended, worker: "worker-1" }]))).toEqual([
    "event 2: attempt 1 of worker-1 wrote for s0, held by attempt 1 of worker-0",
  ]);
});
