import { parseEvent } from "@ossaat/contracts";
import type { PlanEvent } from "@ossaat/contracts";
import { testPlanId } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { findFenceBreaches } from "./check-order.ts";

type Told = { type: "step.started" | "step.finished"; stepId: string; worker: string; fence?: number };

const log = (told: readonly Told[]): PlanEvent[] =>
  told.map(({ type, stepId, worker, fence = 1 }, index) =>
    parseEvent({
      seq: index + 1,
      at: "2026-01-01T00:00:00.000Z",
      planId: testPlanId,
      stepId,
      attempt: 1,
      actor: { kind: "worker", id: worker },
      type,
      data: type === "step.started" ? { worker, fence, agent: "a" } : { status: "failed", reason: "needs_reconcile" },
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
