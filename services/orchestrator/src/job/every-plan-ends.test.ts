// Any interleaving of what people, workers, queue, clock and kills do leaves every plan sound.
import { isTerminalPlan } from "@ossaat/contracts";
import type { PlanStatus } from "@ossaat/contracts";
import { array, assert, asyncModelRun, asyncProperty, boolean, commands, nat, record, tuple } from "fast-check";
import type { AsyncCommand } from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import { auditPlan, findUnportable } from "../testing/audit-plan.ts";
import { PlanWorld, deeds } from "../testing/plan-world.ts";
import type { Deed } from "../testing/plan-world.ts";
import { seededRng } from "../testing/manual-clock.ts";
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

/** What is known of the plans so far, to which nothing that happens may be contrary. */
type Known = { events: Map<string, number>; ends: Map<string, PlanStatus> };

async function compare(known: Known, world: PlanWorld): Promise<void> {
  for (const planId of world.planIds) {
    const { status, next_seq: nextSeq } = await engine.store.read
      .selectFrom("plan")
      .select(["status", "next_seq"])
      .where("id", "=", planId)
      .executeTakeFirstOrThrow();
    expect(nextSeq).toBeGreaterThanOrEqual(known.events.get(planId) ?? 0);
    expect(known.ends.get(planId) ?? status).toBe(status);
    // A plan may leave for another server at any moment.
    expect(await findUnportable(engine, planId)).toBeUndefined();
    // What has ended is sound at once, and stays so.
    if (isTerminalPlan(status)) expect(await auditPlan(engine, planId)).toEqual([]);
    known.events.set(planId, nextSeq);
    if (isTerminalPlan(status)) known.ends.set(planId, status);
  }
}

class Happening implements AsyncCommand<Known, PlanWorld> {
  readonly #deed: Deed;
  readonly #seed: number;

  constructor(deed: Deed, seed: number) {
    this.#deed = deed;
    this.#seed = seed;
  }

  check(): boolean {
    return true;
  }

  async run(known: Known, world: PlanWorld): Promise<void> {
    const random = seededRng(this.#seed);
    await world.let(this.#deed, (n) => Math.floor(random() * n));
    await compare(known, world);
  }

  toString(): string {
    return `${this.#deed} (${this.#seed})`;
  }
}

/** Workers and messages have more to do than people; some deeds would end every plan too soon. */
const weight = (deed: Deed): number => {
  if (["deliver", "deliver and keep", "work"].includes(deed)) return 8;
  return ["cancel", "revise", "wait a day", "jump ahead", "jump back", "lose messages"].includes(deed) ? 1 : 2;
};
const happening = deeds
  .flatMap((deed) => Array.from({ length: weight(deed) }, () => deed))
  .map((deed) => tuple(nat(2 ** 30)).map(([seed]) => new Happening(deed, seed)));

test("whatever happens, every plan ends and keeps the invariants", async () => {
  await assert(
    asyncProperty(shape, commands(happening, { maxCommands: 120, size: "max" }), async (plan, happenings) => {
      const world = await PlanWorld.create(engine, plan);
      const known: Known = { events: new Map(), ends: new Map() };
      await asyncModelRun(() => ({ model: known, real: world }), happenings);
      await world.settle();
      await compare(known, world);
      for (const planId of world.planIds) expect(await auditPlan(engine, planId)).toEqual([]);
    }),
    // A statement on a server is a round trip, so that the same time is enough for fewer plans.
    { numRuns: engine.store.isShared ? 15 : 60 },
  );
  expect(engine.lines.filter(({ level }) => level === "error")).toEqual([]);
}, 60_000);
