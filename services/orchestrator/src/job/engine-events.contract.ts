// The log of a plan as readers see it while many write.
import { setImmediate as nextTurn } from "node:timers/promises";

import { expect } from "vitest";

import { readEvents } from "../event/read-events.ts";
import type { CaseList } from "../testing/case-list.ts";
import type { EngineBench } from "../testing/engine-bench.ts";
import { benchWaitMs } from "../testing/engine-bench.ts";
import { lastSeqOf } from "../testing/look.ts";
import { serveEvents } from "../testing/serve-events.ts";
import { openStream } from "../testing/sse.ts";
import { storeApproved } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { widePlan } from "../testing/wide-plan.ts";
import { changePlan, systemActor } from "./engine.ts";
import type { PlanTx } from "./engine.ts";

const planId = widePlan.id;
const writers = 20;
const writesEach = 5;

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

export function testEvents(cases: CaseList, current: () => EngineBench): void {
  cases.test("C54", async () => {
    const bench = current();
    const { engine } = bench;
    await storeApproved(engine, widePlan);
    const seen: number[] = [];
    const over = new AbortController();
    const reading = (async () => {
      while (!over.signal.aborted) {
        const page = await readEvents(engine.store.read, planId, { afterSeq: seen.at(-1) ?? 0 });
        seen.push(...page.map(({ seq }) => seq));
        // A file answers without a pause, in which nobody else could work.
        await nextTurn();
      }
    })();
    const note = (change: PlanTx) =>
      change.append({ type: "plan.paused", data: {} }, { type: "plan.resumed", data: {} });
    const writing = Array.from({ length: writers }, async () => {
      for (let n = 0; n < writesEach; n += 1) await changePlan(engine, { planId, actor: systemActor }, note);
    });
    bench.work();
    await Promise.all(writing);
    await bench.ends(planId);
    const last = await lastSeqOf(engine, planId);
    await waitUntil("the reader is there", () => seen.at(-1) === last, benchWaitMs);
    over.abort();
    await reading;
    const events = await readEvents(engine.store.read, planId);
    expect(events.map(({ seq }) => seq)).toEqual(range(1, last));
    expect(events.filter(({ type }) => type === "plan.paused").length).toBe(writers * writesEach);
    // A reader that tails by the number skipped nothing.
    expect(seen).toEqual(range(1, last));
  });

  cases.test("C55", async () => {
    const bench = current();
    const { engine } = bench;
    await storeApproved(engine, widePlan);
    const { promise: going, resolve: go } = Promise.withResolvers<void>();
    let done = 0;
    bench.work(async (claim) => {
      if (done >= 2) await going;
      done += 1;
      await bench.finish(claim);
    });
    await waitUntil("it is half done", () => done >= 2, benchWaitMs);
    const served = await serveEvents(engine);
    try {
      const half = await lastSeqOf(engine, planId);
      const open = (seq: number) =>
        openStream(`${served.base}/plans/${planId}/events`, { headers: { "last-event-id": String(seq) } });
      const streams = await Promise.all(range(0, half).map(open));
      await waitUntil(
        "all have what is there",
        () => streams.every(({ frames }, seq) => frames.length >= half - seq),
        benchWaitMs,
      );
      go();
      await bench.ends(planId);
      await Promise.all(streams.map(({ ended }) => ended));
      const last = await lastSeqOf(engine, planId);
      const read = streams.map(({ frames }) => frames.map(({ id }) => Number(id)));
      expect(read).toEqual(range(0, half).map((seq) => range(seq + 1, last)));
      const { status } = await open(last);
      expect(status).toBe(204);
    } finally {
      await served.close();
    }
  });
}
