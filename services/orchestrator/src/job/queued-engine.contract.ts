// What a plan must come to whatever carries its messages: engine, worker and queue together.
import type { JobEnvelope } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect } from "vitest";

import { createQueueParts } from "../compose/queue-parts.ts";
import type { OpenQueue, QueueParts } from "../compose/queue-parts.ts";
import { decideApproval } from "../approval/decide-approval.ts";
import { decidePlan } from "../plan/decide-plan.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { caseList } from "../testing/durability-cases.ts";
import type { LeftOut } from "../testing/durability-cases.ts";
import { eventsOf, planRowOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { endByLastStep, messagesOf } from "../testing/take-step.ts";
import { envelopes } from "../testing/queue-under-test.ts";
import { noModels, openTestEngine, planOptions, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { claimStep } from "./claim-step.ts";
import { completeStep, failStep } from "./end-step.ts";
import type { Claim } from "./engine.ts";
import type { JobQueue } from "./job-queue.ts";
import { jobEngineLimits } from "./limits.ts";
import { reemitReady, sweepTimers } from "./sweep.ts";
import { createWorker } from "./worker.ts";
import type { Worker } from "./worker.ts";

export type QueueUnderEngine = {
  /** Absent: the outbox is the queue. */
  openQueue?: OpenQueue;
  /** Takes every message of the pool away, as an operator may. Absent: the outbox is emptied. */
  purge?(): Promise<void>;
};

const pool = "default";
const slots = 2;
const maxWaitMs = 30_000;
const plan = testPlan(["a", "b", "c", "d"].map((id) => testStep(id)));
const planId = plan.id;
const asking = testPlan([testStep("a", { approvalRequired: true })]);

/** Messages that may be on their way before a new one is chosen: the relay's and those of the slots. */
const inFlight = slots * jobEngineLimits.relayedPerSlot + slots;
const backlogSize = 10_000;

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
  for (let from = 0; from < rows.length; from += 1_000) {
    await engine.store.tx((tx) =>
      tx
        .insertInto("outbox")
        .values(rows.slice(from, from + 1_000))
        .execute(),
    );
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

export function describeQueuedEngine(
  name: string,
  open: () => QueueUnderEngine,
  { leftOut = {} }: { leftOut?: LeftOut } = {},
): void {
  describe(`an engine over ${name}`, () => {
    const cases = caseList(["C20", "C33", "C36", "C40", "C42", "C44", "C46", "C50", "C51"], leftOut);
    let engine: TestEngine;
    let carried: QueueUnderEngine;
    let parts: QueueParts;
    let others: QueueParts[];
    let workers: Worker[];

    beforeEach(async () => {
      engine = await openTestEngine();
      carried = open();
      parts = createQueueParts(engine, { openQueue: carried.openQueue, slots });
      [others, workers] = [[], []];
      engine.wakeQueue = () => [parts, ...others].forEach((each) => each.wake());
      await parts.queue.ensureTopology([pool]);
      parts.start();
    });
    afterEach(async () => {
      for (const worker of workers) await worker.stop();
      for (const each of [parts, ...others]) await each.stop();
      await engine.remove();
    });

    const work = (runStep: (claim: Claim) => Promise<void> = finish, slotCount = slots, queue = parts.queue) => {
      const workerId = `worker-${workers.length}`;
      const worker = createWorker({ engine, queue, runStep, workerId, pool, slots: slotCount });
      workers.push(worker);
      worker.start();
    };
    const finish = async (claim: Claim) => {
      if (claim.step.kind === "finish") return endByLastStep(engine, claim);
      return completeStep(engine, claim, { summary: "done", head: "h" });
    };
    const ends = (id: string = planId) =>
      waitUntil("the plan ends", async () => (await planRowOf(engine, id)).finished_at !== null, maxWaitMs);
    const startsOf = async (id: string = planId) =>
      (await eventsOf(engine, id)).filter((event) => event.startsWith("step.started")).sort();
    const once = ["a", "b", "c", "d", "plan.finish"].map((step) => `step.started ${step}`);
    const isDispatched = () =>
      waitUntil("nothing waits in the outbox", async () => (await messagesOf(engine, planId)).length === 0, maxWaitMs);
    const expectSound = async (id: string = planId) => {
      expect([(await planRowOf(engine, id)).status, await auditPlan(engine, id)]).toEqual(["succeeded", []]);
    };

    cases.test("C20", async () => {
      const seen: JobEnvelope[] = [];
      const claims: (Claim | undefined)[] = [];
      await storeApproved(engine, plan);
      const dying = parts.queue.subscribe(pool, 1, async ({ envelope }) => {
        dying.pause();
        seen.push(envelope);
        claims.push(await claimStep(engine, envelope, "worker-dead"));
      });
      await waitUntil("claimed", () => claims.length > 0, maxWaitMs);
      await dying.close();
      const [envelope] = seen;
      const [claim] = claims;
      if (envelope === undefined || claim === undefined) throw new Error("nothing was claimed");
      expect(await claimStep(engine, envelope, "worker-other")).toBeUndefined();
      work();
      await finish(claim);
      await ends();
      expect(await startsOf()).toEqual(once);
      await expectSound();
    });

    cases.test("C33", async () => {
      await storeApproved(engine, asking);
      work();
      const pending = () =>
        engine.store.read.selectFrom("approval").selectAll().where("status", "=", "pending").execute();
      await waitUntil("it is asked", async () => (await pending()).length === 1, maxWaitMs);
      await waitUntil("no message is held", async () => (await parts.queue.depth(pool)) === 0, maxWaitMs);
      expect(await messagesOf(engine, asking.id)).toEqual([]);
      const [approval] = await pending();
      if (approval === undefined) throw new Error("no approval");
      const { id: approvalId, request_hash: requestHash } = approval;
      const decision = { decision: "approve", requestHash, scope: "once" } as const;
      await decideApproval(engine, { approvalId, tenantId: "local", decision, actor: user });
      await ends(asking.id);
      await expectSound(asking.id);
    });

    cases.test("C36", async () => {
      await storeApproved(engine, plan);
      await decidePlan({ engine, models: noModels }, { planId, decision: { decision: "cancel" }, actor: user });
      work();
      await waitUntil("no message waits", async () => (await parts.queue.depth(pool)) === 0, maxWaitMs);
      await ends();
      expect([(await statusesOf(engine, planId))["plan"], await startsOf()]).toEqual(["cancelled", []]);
    });

    cases.test("C40", async () => {
      await storeApproved(engine, plan);
      const messages = await messagesOf(engine, planId);
      work();
      for (let n = 0; n < 10; n += 1) {
        // A duplicate has an id of its own when it was announced twice, and the same when it was sent twice.
        await parts.queue.publish(messages);
        await parts.queue.publish(messages.map((message) => ({ ...message, messageId: `${message.messageId}-${n}` })));
      }
      await ends();
      await waitUntil("no message waits", async () => (await parts.queue.depth(pool)) === 0, maxWaitMs);
      expect(await startsOf()).toEqual(once);
      await expectSound();
    });

    cases.test("C42", async () => {
      await storeApproved(engine, plan);
      const [old] = await messagesOf(engine, planId);
      if (old === undefined) throw new Error("no message");
      const failed: number[] = [];
      work(async (claim) => {
        if (claim.stepId !== old.stepId || claim.attempt > 1) return finish(claim);
        failed.push(claim.attempt);
        await failStep(engine, claim, { reason: "internal", code: "internal", message: "not yet", retryable: true });
      });
      const backsOff = async () => (await stepRowOf(engine, planId, old.stepId)).status === "backoff";
      await waitUntil("the step backs off", backsOff, maxWaitMs);
      await parts.queue.publish([{ ...old, messageId: "old-again" }]);
      await waitUntil("the old message is taken", async () => (await parts.queue.depth(pool)) === 0, maxWaitMs);
      engine.clock.advance(60_000);
      await sweepTimers(engine);
      await parts.queue.publish([{ ...old, messageId: "old-once-more" }]);
      await ends();
      expect([failed, (await startsOf()).filter((event) => event === `step.started ${old.stepId}`).length]).toEqual([
        [1],
        2,
      ]);
      await expectSound();
    });

    cases.test("C44", async () => {
      const second = createQueueParts(engine, { openQueue: carried.openQueue, slots });
      others.push(second);
      await second.queue.ensureTopology([pool]);
      second.start();
      await storeApproved(engine, plan);
      work();
      await ends();
      expect(await startsOf()).toEqual(once);
      await expectSound();
    });

    cases.test("C46", async () => {
      await storeApproved(engine, plan);
      if (carried.openQueue !== undefined) await isDispatched();
      if (carried.purge === undefined) await engine.store.tx((tx) => tx.deleteFrom("outbox").execute());
      else await carried.purge();
      work();
      expect(await startsOf()).toEqual([]);
      engine.clock.advance(60_000);
      await reemitReady(engine);
      engine.wakeQueue();
      await ends();
      expect(await startsOf()).toEqual(once);
      await expectSound();
    });

    cases.test("C50", async () => {
      await insertBacklog(engine, "flood");
      await storeApproved(engine, plan);
      const delivered = listening(parts.queue);
      work(finish, slots, delivered.queue);
      await ends();
      const [last = Number.NaN] = delivered.placesOf(planId, 4).slice(-1);
      // Four messages and one of the other tenant for each; before them what is at the broker already.
      expect(last).toBeLessThan(8 + inFlight);
      await expectSound();
    });

    cases.test("C51", async () => {
      await insertBacklog(engine, "local");
      await storeApproved(engine, plan, { ...planOptions(), priority: "high" });
      const delivered = listening(parts.queue);
      work(finish, slots, delivered.queue);
      await ends();
      const [last = Number.NaN] = delivered.placesOf(planId, 4).slice(-1);
      expect(last).toBeLessThan(4 + inFlight);
      await expectSound();
    });

    cases.testCompleteness();
  });
}
