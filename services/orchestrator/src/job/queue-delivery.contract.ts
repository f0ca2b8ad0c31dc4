// Delivering: each at least once, never more at once than there are slots, nothing while paused.
import { setTimeout as sleep } from "node:timers/promises";

import { expect, test } from "vitest";

import type { CaseList } from "../testing/case-list.ts";
import { done, envelope, envelopes, otherPool, pool, quiet, stepIds } from "../testing/queue-under-test.ts";
import type { QueueBench } from "../testing/queue-under-test.ts";
import { waitUntil } from "../testing/wait-until.ts";
import type { Delivery } from "./job-queue.ts";

/** How many handlers ran at once at most while `count` messages were handled. */
function countingHandler(holdMs: number) {
  const counts = { running: 0, most: 0 };
  const handler = async (delivery: Delivery) => {
    counts.running += 1;
    counts.most = Math.max(counts.most, counts.running);
    await sleep(holdMs);
    counts.running -= 1;
    await done(delivery);
  };
  return { counts, handler };
}

function testWorkers(current: () => QueueBench): void {
  test("says how many workers take messages, where a broker can tell", async () => {
    const { queue } = current();
    if (queue.workers === undefined) return;
    const is = (count: number) => async () => (await queue.workers?.(pool)) === count;
    await waitUntil("nobody does", is(0), 20_000);
    const first = current().subscribe(1, done);
    await waitUntil("one does", is(1), 20_000);
    await first.close();
    await waitUntil("nobody does again", is(0), 20_000);
    expect(await queue.workers(otherPool)).toBe(0);
  });
}

function testSlots(cases: CaseList, current: () => QueueBench): void {
  cases.test("C07", async () => {
    const { queue, seen } = current();
    const total = 10_000;
    const batch = 500;
    const publish = async (from: number, to: number) => {
      for (let n = from; n < to; n += batch) await queue.publish(envelopes(batch, n));
    };
    await publish(0, total / 2);
    current().subscribe(64, done);
    await publish(total / 2, total);
    await current().sawSteps(total);
    await current().isEmpty();
    expect(new Set(seen)).toEqual(new Set(stepIds(total)));
  });

  cases.test("C08", async () => {
    const { counts, handler } = countingHandler(5);
    await current().queue.publish(envelopes(20));
    current().subscribe(3, handler);
    await current().sawAtLeast(20);
    await current().isEmpty();
    expect(counts.most).toBe(3);
  });

  cases.test(
    "C08",
    async () => {
      const { counts, handler } = countingHandler(5);
      const subscription = current().subscribe(4, handler);
      subscription.pause();
      await current().queue.publish(envelopes(12));
      subscription.resume(2);
      await current().sawAtLeast(12);
      await current().isEmpty();
      expect(counts.most).toBe(2);
    },
    "resumed with fewer slots",
  );

  cases.test("C09", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await current().queue.publish([envelope(1), envelope(2, { pool: otherPool })]);
    current().subscribe(1, async (delivery) => {
      await held;
      await done(delivery);
    });
    current().subscribe(1, done, otherPool);
    await current().sawSteps(2);
    await current().isEmpty(otherPool);
    release();
    await current().isEmpty();
  });
}

function testPause(cases: CaseList, current: () => QueueBench): void {
  cases.test("C10", async () => {
    const { queue, seen } = current();
    const subscription = current().subscribe(1, done);
    subscription.pause();
    await queue.publish(envelopes(5));
    await quiet();
    expect(seen).toEqual([]);
    subscription.resume();
    await current().sawAtLeast(5);
    await current().isEmpty();
  });

  cases.test(
    "C10",
    async () => {
      const { queue, seen } = current();
      await queue.publish(envelopes(4));
      const subscription = current().subscribe(1, async (delivery) => {
        subscription.pause();
        await done(delivery);
      });
      await current().sawAtLeast(1);
      await quiet();
      expect(seen.length).toBe(1);
      await expect.poll(() => queue.depth(pool), { timeout: 10_000 }).toBe(3);
      subscription.resume();
      await current().sawAtLeast(2);
    },
    "paused by its own handler, the others wait in the queue",
  );

  test("closing waits for the handlers that run and leaves the rest for the next subscription", async () => {
    const { queue, seen } = current();
    let finished = 0;
    await queue.publish(envelopes(6));
    const subscription = current().subscribe(2, async (delivery) => {
      await sleep(20);
      await done(delivery);
      finished += 1;
    });
    await current().sawAtLeast(2);
    await subscription.close();
    const handled = finished;
    await quiet();
    expect([handled, finished, seen.length]).toEqual([seen.length, seen.length, finished]);
    await expect.poll(() => queue.depth(pool), { timeout: 10_000 }).toBe(6 - finished);
    current().subscribe(2, done);
    await current().sawSteps(6);
    await current().isEmpty();
  });
}

function testSettling(cases: CaseList, current: () => QueueBench): void {
  cases.test("C11", async () => {
    await current().queue.publish([envelope(1)]);
    current().subscribe(1, done);
    await current().sawAtLeast(1);
    await current().isEmpty();
    await current().subject.passRetryPause();
    await quiet();
    expect(current().seen).toEqual(["step-1"]);
  });

  cases.test("C12", async () => {
    await current().queue.publish([envelope(1)]);
    current().subscribe(1, async (delivery) => {
      await delivery.settle("done");
      await delivery.settle("retry_soon");
      await delivery.settle("reject", "too late");
      await delivery.settle("done");
    });
    await current().sawAtLeast(1);
    await current().isEmpty();
    await current().subject.passRetryPause();
    await quiet();
    expect(current().seen).toEqual(["step-1"]);
    expect((await current().queue.deadLetters.list(pool, 10)).letters).toEqual([]);
  });

  cases.test("C13", async () => {
    const { subject } = current();
    const kept: Delivery[] = [];
    await current().queue.publish([envelope(1)]);
    current().subscribe(1, async (delivery) => {
      kept.push(delivery);
      if (kept.length > 1) return done(delivery);
      await subject.cutConnection?.();
      await waitUntil("the message comes again", () => kept.length > 1, 30_000);
    });
    await waitUntil("the message comes again", () => kept.length > 1, 30_000);
    await expect(kept[0]?.settle("done")).resolves.toBeUndefined();
    await current().isEmpty();
    await current().publish([envelope(2)]);
    await current().sawSteps(2);
  });

  test("settling after the subscription ended is harmless", async () => {
    const kept: Delivery[] = [];
    await current().queue.publish([envelope(1)]);
    const subscription = current().subscribe(1, async (delivery) => {
      kept.push(delivery);
      await Promise.resolve();
    });
    await current().sawAtLeast(1);
    await subscription.close();
    await expect(kept[0]?.settle("done")).resolves.toBeUndefined();
  });
}

export function testDelivery(cases: CaseList, current: () => QueueBench): void {
  testWorkers(current);
  testSlots(cases, current);
  testPause(cases, current);
  testSettling(cases, current);
}
