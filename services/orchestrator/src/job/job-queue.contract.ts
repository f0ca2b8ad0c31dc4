// What every job queue must do, whatever the broker.
import { setTimeout as sleep } from "node:timers/promises";

import type { JobEnvelope } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { jobEnvelope } from "./dispatch-step.ts";
import { waitUntil } from "../testing/wait-until.ts";
import type { Delivery, JobQueue, Subscription } from "./job-queue.ts";

export type JobQueueUnderTest = {
  queue: JobQueue;
  /** Lets the time pass after which `retry_soon` gives a message again. */
  passRetryPause(): Promise<void>;
  remove(): Promise<void>;
};

const pool = "default";

function envelope(n: number, changes: Partial<JobEnvelope> = {}): JobEnvelope {
  const step = { plan_id: "plan-00000001", step_id: `step-${n}`, attempt: 1, pool, kind: "agent" };
  const sent = jobEnvelope({
    tenantId: "local",
    priority: 0,
    step,
    now: 1_000 + n,
    messageId: `message-${String(n).padStart(5, "0")}`,
    traceparent: null,
  });
  return { ...sent, ...changes };
}

const envelopes = (count: number) => Array.from({ length: count }, (_, n) => envelope(n));
/** Long enough for a delivery that must not happen to happen. */
const quiet = () => sleep(40);

export function describeJobQueue(name: string, open: () => Promise<JobQueueUnderTest>): void {
  describe(`${name} as a JobQueue`, () => {
    let subject: JobQueueUnderTest;
    let queue: JobQueue;
    let seen: string[];
    const subscriptions: Subscription[] = [];
    const subscribe = (slots: number, handler: (delivery: Delivery) => Promise<void>, from = pool) => {
      const subscription = queue.subscribe(from, slots, (delivery) => {
        seen.push(delivery.envelope.stepId);
        return handler(delivery);
      });
      subscriptions.push(subscription);
      return subscription;
    };
    const done = (delivery: Delivery) => delivery.settle("done");
    const sawAtLeast = (count: number) => waitUntil(`${count} deliveries`, () => seen.length >= count);
    const isEmpty = () => waitUntil("empty queue", async () => (await queue.depth(pool)) === 0);

    beforeEach(async () => {
      seen = [];
      subject = await open();
      ({ queue } = subject);
      await queue.ensureTopology([pool, "other"]);
    });
    afterEach(async () => {
      for (const subscription of subscriptions.splice(0)) await subscription.close();
      await queue.close({ drainMs: 1_000 });
      await subject.remove();
    });

    test("accepts what is published, one answer per message", async () => {
      expect(await queue.publish([])).toEqual([]);
      expect(await queue.publish(envelopes(3))).toEqual([{ accepted: true }, { accepted: true }, { accepted: true }]);
      expect([await queue.depth(pool), await queue.depth("other")]).toEqual([3, 0]);
    });

    test("refuses a message over the limit and takes its neighbours", async () => {
      const large = envelope(1, { traceparent: "x".repeat(65 * 1024) });
      const answers = await queue.publish([envelope(0), large, envelope(2)]);
      expect(answers).toEqual([{ accepted: true }, { accepted: false }, { accepted: true }]);
      subscribe(1, done);
      await sawAtLeast(2);
      await isEmpty();
      expect(seen.sort()).toEqual(["step-0", "step-2"]);
    });

    test("delivers every message at least once, before and after the subscription", async () => {
      await queue.publish(envelopes(150));
      subscribe(8, done);
      await queue.publish(Array.from({ length: 150 }, (_, n) => envelope(150 + n)));
      await sawAtLeast(300);
      await isEmpty();
      expect(new Set(seen)).toEqual(new Set(Array.from({ length: 300 }, (_, n) => `step-${n}`)));
    });

    test("gives the envelope back as it was sent, unknown fields included", async () => {
      const sent = envelope(1, { traceparent: "00-ä-1", priority: 3, future: { text: "日本語 🎉" } });
      const received: JobEnvelope[] = [];
      await queue.publish([sent]);
      subscribe(1, async (delivery) => {
        received.push(delivery.envelope);
        await done(delivery);
      });
      await sawAtLeast(1);
      expect(received).toEqual([sent]);
    });

    test("runs exactly as many handlers at once as there are slots", async () => {
      let running = 0;
      let most = 0;
      await queue.publish(envelopes(20));
      subscribe(3, async (delivery) => {
        running += 1;
        most = Math.max(most, running);
        await sleep(5);
        running -= 1;
        await done(delivery);
      });
      await sawAtLeast(20);
      await isEmpty();
      expect(most).toBe(3);
    });

    test("a slow handler does not hold up another pool", async () => {
      let release: () => void = () => undefined;
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      await queue.publish([envelope(1), envelope(2, { pool: "other" })]);
      subscribe(1, async (delivery) => {
        await held;
        await done(delivery);
      });
      subscribe(1, done, "other");
      await waitUntil("the other pool is empty", async () => (await queue.depth("other")) === 0);
      expect(new Set(seen)).toEqual(new Set(["step-1", "step-2"]));
      release();
      await isEmpty();
    });

    test.each(["done", "reject"] as const)("a message settled %s is gone", async (settlement) => {
      await queue.publish([envelope(1)]);
      subscribe(1, (delivery) => delivery.settle(settlement));
      await isEmpty();
      await subject.passRetryPause();
      await quiet();
      expect(seen).toEqual(["step-1"]);
    });

    test("the first settlement counts, a second is harmless", async () => {
      await queue.publish([envelope(1)]);
      subscribe(1, async (delivery) => {
        await delivery.settle("done");
        await delivery.settle("retry_soon");
        await delivery.settle("done");
      });
      await isEmpty();
      await subject.passRetryPause();
      await quiet();
      expect(seen).toEqual(["step-1"]);
    });

    const failures: [string, (delivery: Delivery) => Promise<void>][] = [
      ["settled retry_soon", (delivery) => delivery.settle("retry_soon")],
      ["whose handler throws", () => Promise.reject(new Error("store out of reach"))],
    ];
    test.each(failures)("a message %s comes again after a pause, not at once", async (_name, fail) => {
      await queue.publish([envelope(1)]);
      subscribe(1, (delivery) => (seen.length === 1 ? fail(delivery) : done(delivery)));
      await sawAtLeast(1);
      await quiet();
      expect(seen).toEqual(["step-1"]);
      await subject.passRetryPause();
      await sawAtLeast(2);
      await isEmpty();
      expect(seen).toEqual(["step-1", "step-1"]);
    });

    test("publishing the same message again does no harm", async () => {
      const sent = envelopes(3);
      await queue.publish(sent);
      expect(await queue.publish(sent)).toEqual(sent.map(() => ({ accepted: true })));
      subscribe(2, done);
      await sawAtLeast(3);
      await isEmpty();
      expect(new Set(seen)).toEqual(new Set(["step-0", "step-1", "step-2"]));
    });

    test("a paused subscription takes nothing new until it is resumed", async () => {
      const subscription = subscribe(1, done);
      subscription.pause();
      await queue.publish(envelopes(5));
      await quiet();
      expect(seen).toEqual([]);
      subscription.resume();
      await sawAtLeast(5);
      await isEmpty();
    });

    test("pausing inside a handler keeps the next message for later", async () => {
      await queue.publish(envelopes(4));
      const subscription = subscribe(1, async (delivery) => {
        subscription.pause();
        await done(delivery);
      });
      await sawAtLeast(1);
      await quiet();
      expect([seen.length, await queue.depth(pool)]).toEqual([1, 3]);
      subscription.resume();
      await sawAtLeast(2);
    });

    test("closing waits for the handlers that run and leaves the rest for the next subscription", async () => {
      let finished = 0;
      await queue.publish(envelopes(6));
      const subscription = subscribe(2, async (delivery) => {
        await sleep(20);
        await done(delivery);
        finished += 1;
      });
      await sawAtLeast(2);
      await subscription.close();
      const handled = finished;
      await quiet();
      expect([handled, finished, seen.length]).toEqual([seen.length, seen.length, finished]);
      expect(await queue.depth(pool)).toBe(6 - finished);
      subscribe(2, done);
      await isEmpty();
      expect(new Set(seen).size).toBe(6);
    });

    test("settling after the subscription ended is harmless", async () => {
      const kept: Delivery[] = [];
      await queue.publish([envelope(1)]);
      const subscription = subscribe(1, async (delivery) => {
        kept.push(delivery);
        await Promise.resolve();
      });
      await sawAtLeast(1);
      await subscription.close();
      await expect(kept[0]?.settle("done")).resolves.toBeUndefined();
    });

    test("says that it is well", async () => {
      expect((await queue.health()).ok).toBe(true);
    });
  });
}
