// Ends of processes: killed with a message or a step in hand, frozen, stopped in order, started again.
import { expect } from "vitest";

import type { CaseList } from "../testing/case-list.ts";
import type { EngineBench } from "../testing/engine-bench.ts";
import { benchWaitMs } from "../testing/engine-bench.ts";
import { eventsOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { expectOpenPlansSound, storeOpenPlans } from "../testing/open-plans.ts";
import { workAndDie } from "../testing/queue-deaths.ts";
import { pool } from "../testing/queue-under-test.ts";
import { storeApproved } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { eachOnce, widePlan } from "../testing/wide-plan.ts";
import { completeStep } from "./end-step.ts";
import { LeaseLost } from "./engine.ts";
import type { Claim } from "./engine.ts";
import type { JobQueue, Subscription } from "./job-queue.ts";
import { jobEngineLimits } from "./limits.ts";
import { resumeWork } from "./resume-work.ts";
import { sweepLeases, sweepTimers } from "./sweep.ts";
import { createSweeper } from "./sweeper.ts";

const planId = widePlan.id;

/** A worker in a process of its own takes a step of the plan and is killed. The bench goes on afterwards. */
async function dieElsewhere(bench: EngineBench, until: "claimed" | "settled"): Promise<string> {
  const { engine, carried } = bench;
  await bench.stop();
  const stepId = await engine.lendStore((place) => workAndDie({ place, entry: carried.entry, pool, until }));
  await bench.start();
  return stepId;
}

/** Everything of the plan but this step, which nobody may take yet. */
async function endsButFor(bench: EngineBench, stepId: string): Promise<void> {
  const others = widePlan.steps.map(({ id }) => id).filter((id) => id !== stepId);
  const have = async () => {
    const statuses = await statusesOf(bench.engine, planId);
    return others.every((id) => statuses[id] === "succeeded");
  };
  await waitUntil("the other steps end", have, benchWaitMs);
}

function testKills(cases: CaseList, current: () => EngineBench): void {
  for (const [id, until] of [
    ["C20", "claimed"],
    ["C21", "settled"],
  ] as const) {
    cases.test(id, async () => {
      const bench = current();
      const { engine } = bench;
      await storeApproved(engine, widePlan);
      const stepId = await dieElsewhere(bench, until);
      bench.work();
      await endsButFor(bench, stepId);
      await bench.isEmpty();
      // A message that came again claimed nothing: the dead worker's lease still stands.
      expect(await sweepLeases(engine)).toBe(0);
      expect(await stepRowOf(engine, planId, stepId)).toMatchObject({
        status: "running",
        attempt: 1,
        lease_owner: "worker-dead",
      });
      engine.clock.advance(jobEngineLimits.leaseMs + 1);
      expect(await sweepLeases(engine)).toBe(1);
      await sweepTimers(engine);
      await bench.ends(planId);
      expect(await bench.startsOf(planId)).toEqual([...eachOnce, stepId].sort());
      const lost = (await eventsOf(engine, planId)).filter((event) => event.startsWith("step.lost"));
      expect([lost, await bench.faultsOf(planId)]).toEqual([[`step.lost ${stepId}`], []]);
    });
  }
}

/** A queue whose subscriptions can be ended by somebody else than who made them. */
function endable(queue: JobQueue) {
  const made: Subscription[] = [];
  const subscribe: JobQueue["subscribe"] = (...subscription) => {
    const one = queue.subscribe(...subscription);
    made.push(one);
    return one;
  };
  return { queue: { ...queue, subscribe }, end: () => Promise.all(made.map((one) => one.close())) };
}

function testZombies(cases: CaseList, current: () => EngineBench): void {
  cases.test("C43", async () => {
    const bench = current();
    const { engine } = bench;
    const { promise: thawed, resolve: thaw } = Promise.withResolvers<void>();
    const frozen: Claim[] = [];
    const ends: unknown[] = [];
    const connected = endable(bench.queue);
    await storeApproved(engine, widePlan);
    bench.work(
      async (claim) => {
        if (claim.attempt > 1 || claim.stepId === "plan.finish") return bench.finish(claim);
        frozen.push(claim);
        await thawed;
        ends.push(await completeStep(engine, claim, { summary: "of the dead" }).catch((error: unknown) => error));
      },
      { slots: 4, queue: connected.queue },
    );
    await waitUntil("all are frozen", () => frozen.length === 4, benchWaitMs);
    // A broker hears nothing of a frozen process, and ends its connection.
    await connected.end();
    engine.clock.advance(jobEngineLimits.leaseMs + 1);
    expect(await sweepLeases(engine)).toBe(4);
    await sweepTimers(engine);
    bench.work(bench.finish, { queue: await bench.start() });
    let before: string[] = [];
    try {
      await bench.ends(planId);
      before = await eventsOf(engine, planId);
    } finally {
      // Whatever happens: a worker that is stopped waits for its steps.
      thaw();
    }
    await waitUntil("they tried to write", () => ends.length === 4, benchWaitMs);
    expect(ends.map((end) => end instanceof LeaseLost)).toEqual([true, true, true, true]);
    expect(await eventsOf(engine, planId)).toEqual(before);
    expect(await bench.faultsOf(planId)).toEqual([]);
  });
}

function testStops(cases: CaseList, current: () => EngineBench): void {
  cases.test("C49", async () => {
    const bench = current();
    const { engine } = bench;
    await storeApproved(engine, widePlan);
    let running = 0;
    bench.work(async (_claim, signal) => {
      running += 1;
      await new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
    });
    await waitUntil("two steps run", () => running === 2, benchWaitMs);
    await bench.stop();
    const rows = await engine.store.read
      .selectFrom("step")
      .select(["step_id", "status", "lease_owner", "lease_until", "lost_count", "failures"])
      .orderBy("step_id")
      .execute();
    const free = { status: "ready", lease_owner: null, lease_until: null, lost_count: 0, failures: 0 };
    expect(rows).toEqual(["a", "b", "c", "d"].map((step_id) => ({ step_id, ...free })));
    bench.work(bench.finish, { queue: await bench.start() });
    await bench.ends(planId);
    expect([(await bench.startsOf(planId)).length, await bench.faultsOf(planId)]).toEqual([7, []]);
  });

  cases.test("C53", async () => {
    const bench = current();
    const { engine } = bench;
    await bench.stop();
    const plans = await storeOpenPlans(engine);
    expect(plans.going.length + plans.asking.length).toBe(1_000);
    await engine.lendStore(() => Promise.resolve());
    const queue = await bench.start((each) => each, 16);
    await resumeWork(engine, () => true);
    bench.work(bench.finish, { queue, slots: 16 });
    const sweeper = createSweeper(engine);
    sweeper.start();
    const { going } = plans;
    const ended = async () => {
      const { count } = await engine.store.read
        .selectFrom("plan")
        .select((eb) => eb.fn.countAll<number>().as("count"))
        .where("status", "=", "succeeded")
        .executeTakeFirstOrThrow();
      return count;
    };
    await waitUntil("all that can go on end", async () => (await ended()) === going.length, 2 * benchWaitMs);
    await sweeper.stop();
    await expectOpenPlansSound(engine, plans);
  });
}

export function testDeaths(cases: CaseList, current: () => EngineBench): void {
  testKills(cases, current);
  testZombies(cases, current);
  testStops(cases, current);
}
