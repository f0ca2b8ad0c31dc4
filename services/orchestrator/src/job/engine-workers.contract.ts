// What workers do by the clock and by what they know: steps longer than any timeout, retries, other versions.
import { setTimeout as sleep } from "node:timers/promises";

import { PlanId } from "@ossaat/contracts";
import type { PlanEvent } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { readEvents } from "../event/read-events.ts";
import type { CaseList } from "../testing/case-list.ts";
import type { EngineBench } from "../testing/engine-bench.ts";
import { benchWaitMs } from "../testing/engine-bench.ts";
import { eventsOf, stepRowOf } from "../testing/look.ts";
import { pool, quiet } from "../testing/queue-under-test.ts";
import { storeApproved } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { heartbeat } from "./claim-step.ts";
import { failStep } from "./end-step.ts";
import type { Claim } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { stepKinds } from "./step-kinds.ts";
import { reemitReady, sweepCancelled, sweepLeases, sweepTimers } from "./sweep.ts";

const single = testPlan([testStep("a")]);
const planId = single.id;

/** Longer than the 30 min that RabbitMQ gives a consumer, and than every time that the engine waits, ms. */
const longMs = 31 * 60_000;

function testTime(cases: CaseList, current: () => EngineBench): void {
  cases.test("C32", async () => {
    const bench = current();
    const { engine, carried } = bench;
    await storeApproved(engine, single);
    const answers = new Set<string>();
    bench.work(async (claim) => {
      if (claim.step.kind === "finish") return bench.finish(claim);
      const outlasted = carried.outlastTimeout?.();
      for (let passed = 0; passed < longMs; passed += jobEngineLimits.heartbeatMs) {
        bench.pass(jobEngineLimits.heartbeatMs);
        answers.add(await heartbeat(engine, claim));
        if (passed % 60_000 > 0) continue;
        for (const sweep of [sweepTimers, sweepLeases, sweepCancelled, reemitReady]) await sweep(engine);
      }
      // The broker's own time goes by as well: it took a message that somebody held as long from them.
      await outlasted;
      await bench.finish(claim);
    });
    await bench.ends(planId);
    await bench.isEmpty();
    expect([[...answers], await bench.startsOf(planId)]).toEqual([["kept"], ["a", "plan.finish"]]);
    expect([(await bench.queue.deadLetters.list(pool, 10)).letters, await bench.faultsOf(planId)]).toEqual([[], []]);
  });

  cases.test("C39", async () => {
    const bench = current();
    const { engine } = bench;
    await storeApproved(engine, single);
    const starts: number[] = [];
    bench.work(async (claim) => {
      if (claim.step.kind === "finish") return bench.finish(claim);
      starts.push(engine.clock.now());
      if (claim.attempt > 2) return bench.finish(claim);
      await failStep(engine, claim, { reason: "internal", code: "internal", message: "not yet", retryable: true });
    });
    const dues: number[] = [];
    for (const attempt of [2, 3]) {
      const waits = async () => {
        const { status, attempt: next } = await stepRowOf(engine, planId, "a");
        return status === "backoff" && next === attempt;
      };
      await waitUntil("it backs off", waits, benchWaitMs);
      const told = (await readEvents(engine.store.read, planId)).findLast(({ type }) => type === "step.backed_off");
      const due = Date.parse((told as Extract<PlanEvent, { type: "step.backed_off" }>).data.retryAt);
      dues.push(due);
      engine.clock.advance(due - engine.clock.now() - 1);
      await sweepTimers(engine);
      await quiet();
      expect([(await stepRowOf(engine, planId, "a")).status, starts.length]).toEqual(["backoff", attempt - 1]);
      engine.clock.advance(1);
      await sweepTimers(engine);
      await waitUntil("it is started again", () => starts.length === attempt, benchWaitMs);
    }
    await bench.ends(planId);
    // The clock stood still at the moment it was due: what starts without another look starts then.
    expect(starts.slice(1)).toEqual(dues);
    expect(await bench.faultsOf(planId)).toEqual([]);
  });
}

/** As a newer version would have made the step. */
async function makeNewer({ engine }: EngineBench, set: { kind?: string; kind_version: number }): Promise<void> {
  await engine.store.tx(async (tx) => {
    await tx.updateTable("step").set(set).where("plan_id", "=", planId).where("step_id", "=", "a").execute();
    await tx.deleteFrom("outbox").where("plan_id", "=", planId).execute();
  });
  await reemitReady(engine, 0);
  engine.wakeQueue();
}

function testVersions(cases: CaseList, current: () => EngineBench): void {
  const runs = (bench: EngineBench, who: string, ran: string[]) => async (claim: Claim) => {
    ran.push(`${who} ${claim.stepId}`);
    await bench.finish(claim);
  };
  /** Lets time pass, in which what nobody took is announced again. */
  const passes = async ({ engine }: EngineBench) => {
    engine.clock.advance(jobEngineLimits.leftMs);
    await reemitReady(engine);
    engine.wakeQueue();
    await sleep(20);
  };

  cases.test("C52", async () => {
    const bench = current();
    const { engine } = bench;
    await storeApproved(engine, single);
    await makeNewer(bench, { kind_version: 2 });
    const ran: string[] = [];
    bench.work(runs(bench, "old", ran));
    const isLeft = () => engine.lines.some(({ message }) => message.startsWith("this version cannot run the step"));
    await waitUntil("the old one has left it", isLeft, benchWaitMs);
    await bench.isEmpty();
    expect(await stepRowOf(engine, planId, "a")).toMatchObject({ status: "ready", attempt: 1, fence: 0 });
    bench.work(runs(bench, "new", ran), { queue: await bench.start(), kinds: { ...stepKinds, agent: 2, finish: 0 } });
    const ended = async () => {
      await passes(bench);
      return (await eventsOf(engine, planId)).includes("plan.finished");
    };
    await waitUntil("the plan ends", ended, benchWaitMs);
    expect([ran, await bench.faultsOf(planId)]).toEqual([["new a", "old plan.finish"], []]);
  });

  cases.test(
    "C52",
    async () => {
      const bench = current();
      const { engine } = bench;
      await storeApproved(engine, single);
      await makeNewer(bench, { kind: "dream", kind_version: 1 });
      const ran: string[] = [];
      bench.work(runs(bench, "old", ran));
      const left = () => engine.lines.filter(({ message }) => message.startsWith("this version cannot run the step"));
      await waitUntil("it has left it", () => left().length === 1, benchWaitMs);
      await bench.isEmpty();
      // Not before its time, and then again.
      await reemitReady(engine);
      await quiet();
      expect(left().length).toBe(1);
      await passes(bench);
      await waitUntil("it has left it again", () => left().length === 2, benchWaitMs);
      expect([ran, (await stepRowOf(engine, planId, "a")).status]).toEqual([[], "ready"]);
      expect((await bench.queue.deadLetters.list(pool, 10)).letters).toEqual([]);
    },
    "a kind that no worker knows stays ready",
  );
}

/** More than a worker has slots, and than its relay keeps at a broker. */
const brokenPlans = 6;

function testUnclaimable(current: () => EngineBench): void {
  test("a step whose claim fails every time is in nobody's way, and runs when its rows are mended", async () => {
    const bench = current();
    const { engine } = bench;
    const broken = Array.from({ length: brokenPlans }, (_, n) =>
      testPlan([testStep("a")], { id: PlanId.parse(`plan-0000000${n}`) }),
    );
    // An attempt that is there already: no second one of its number can be written.
    const attempt = { step_id: "a", attempt: 1, fence: 1, worker: "nobody", started_at: 0, heartbeat_at: 0 };
    const open = { ended_at: null, outcome: null, error_code: null, traceparent: null };
    for (const plan of broken) {
      await storeApproved(engine, plan);
      const row = { ...attempt, ...open, plan_id: plan.id };
      await engine.store.tx((tx) => tx.insertInto("attempt").values(row).execute());
    }
    await storeApproved(engine, single);
    bench.work();
    await bench.ends(planId);
    const failed = () => engine.lines.filter(({ message }) => message.startsWith("the step could not be claimed"));
    await waitUntil("each was tried", () => failed().length >= brokenPlans, benchWaitMs);
    expect(failed().map(({ fields }) => fields)).toEqual(
      expect.arrayContaining(
        broken.map(({ id }) => expect.objectContaining({ planId: id, stepId: "a", attempt: 1 }) as unknown),
      ),
    );
    await bench.isEmpty();
    expect((await bench.queue.deadLetters.list(pool, 10)).letters).toEqual([]);
    await engine.store.tx((tx) => tx.deleteFrom("attempt").where("worker", "=", "nobody").execute());
    // A worker that still puts the last one off does so from the time that it is then.
    const ended = async () => {
      bench.pass(jobEngineLimits.reemitAfterMs);
      await reemitReady(engine);
      engine.wakeQueue();
      await sleep(20);
      const open = engine.store.read.selectFrom("plan").select("id").where("finished_at", "is", null);
      return (await open.execute()).length === 0;
    };
    await waitUntil("the mended plans end", ended, benchWaitMs);
    expect(await Promise.all(broken.map(({ id }) => bench.faultsOf(id)))).toEqual(broken.map(() => []));
  });
}

export function testWorkers(cases: CaseList, current: () => EngineBench): void {
  testTime(cases, current);
  testVersions(cases, current);
  testUnclaimable(current);
}
