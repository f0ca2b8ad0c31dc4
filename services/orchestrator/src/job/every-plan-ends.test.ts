import { array, assert, asyncProperty, boolean, infiniteStream, integer, nat, record } from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { auditPlan } from "../testing/audit-plan.ts";
import { PlanWorld } from "../testing/plan-world.ts";
import type { Chance } from "../testing/plan-world.ts";
import { openTestEngine } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await openTestEngine();
});
afterAll(() => engine.remove());

const shape = record({
  steps: array(record({ needs: array(nat(5), { maxLength: 3 }), approvalRequired: boolean(), once: boolean() }), {
    minLength: 1,
    maxLength: 6,
  }).map((steps) =>
    steps.map((step, index) => ({
      ...step,
      approvalRequired: step.approvalRequired && index % 3 === 0,
      once: step.once && index % 2 === 0,
      needs: [...new Set(step.needs.filter((need) => need < index))],
    })),
  ),
});

test("whatever happens, every plan ends, its log replays to its rows and nothing is left over", async () => {
  await assert(
    asyncProperty(shape, infiniteStream(nat(2 ** 20)), integer({ min: 0, max: 120 }), async (plan, numbers, deeds) => {
      const chance: Chance = (n) => Number(numbers.next().value) % n;
      const world = await PlanWorld.create(engine, plan, chance);
      for (let n = 0; n < deeds && !(await world.hasEnded()); n += 1) await world.disturb();
      await world.settle();
      expect(await auditPlan(engine, world.planId)).toEqual([]);
    }),
    { numRuns: 60 },
  );
  expect(engine.lines.filter(({ level }) => level === "error")).toEqual([]);
}, 60_000);
