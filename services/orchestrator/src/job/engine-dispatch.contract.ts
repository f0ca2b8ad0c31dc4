// What waits behind a backlog of ten thousand messages: another tenant's, and the more urgent.
import { expect } from "vitest";

import type { CaseList } from "../testing/case-list.ts";
import type { EngineBench } from "../testing/engine-bench.ts";
import { envelopes, pool } from "../testing/queue-under-test.ts";
import { planOptions, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { widePlan } from "../testing/wide-plan.ts";
import type { JobQueue } from "./job-queue.ts";
import { jobEngineLimits } from "./limits.ts";

const planId = widePlan.id;
const slots = 2;
/** Messages that may be on their way before a new one is chosen: the relay's and those of the slots. */
const inFlight = slots * jobEngineLimits.relayedPerSlot + slots;
const backlogSize = 10_000;
const rowsPerInsert = 1_000;

/** Messages of plans that are not there: each costs a delivery and claims nothing. */
async function insertBacklog(engine: TestEngine, tenantId: string): Promise<void> {
  const rows = envelopes(backlogSize).map((message, n) => ({
    id: message.messageId,
    pool,
    dedupe_id: message.dedupeId,
    plan_id: message.planId,
    step_id: message.stepId,
    tenant_id: tenantId,
    priority: 0,
    envelope_json: JSON.stringify({ ...message, tenantId }),
    available_at: n,
    claimed_until: 0,
  }));
  for (let from = 0; from < rows.length; from += rowsPerInsert) {
    const part = rows.slice(from, from + rowsPerInsert);
    await engine.store.tx((tx) => tx.insertInto("outbox").values(part).execute());
  }
}

/** A queue that notes of which plan each delivery was. */
function listening(queue: JobQueue) {
  const plans: string[] = [];
  const subscribe: JobQueue["subscribe"] = (from, count, handler) =>
    queue.subscribe(from, count, (delivery) => {
      plans.push(delivery.envelope.planId);
      return handler(delivery);
    });
  return {
    queue: { ...queue, subscribe },
    /** Where the first messages of a plan stood among all deliveries, from 0. */
    placesOf: (id: string, count: number) =>
      plans.flatMap((each, place) => (each === id ? [place] : [])).slice(0, count),
  };
}

/** Runs the plan and tells where its last step stood among all deliveries. */
async function placeOfLast(bench: EngineBench): Promise<number> {
  const delivered = listening(bench.queue);
  bench.work(bench.finish, { queue: delivered.queue });
  await bench.ends(planId);
  return delivered.placesOf(planId, widePlan.steps.length).at(-1) ?? Number.NaN;
}

export function testDispatch(cases: CaseList, current: () => EngineBench): void {
  cases.test("C50", async () => {
    const bench = current();
    await insertBacklog(bench.engine, "flood");
    await storeApproved(bench.engine, widePlan);
    // One message of the other tenant for each of ours; before them what is at the broker already.
    expect(await placeOfLast(bench)).toBeLessThan(2 * widePlan.steps.length + inFlight);
    expect(await bench.faultsOf(planId)).toEqual([]);
  });

  cases.test("C51", async () => {
    const bench = current();
    await insertBacklog(bench.engine, "local");
    await storeApproved(bench.engine, widePlan, { ...planOptions(), priority: "high" });
    expect(await placeOfLast(bench)).toBeLessThan(widePlan.steps.length + inFlight);
    expect(await bench.faultsOf(planId)).toEqual([]);
  });
}
