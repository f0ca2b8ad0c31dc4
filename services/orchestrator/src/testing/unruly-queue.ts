// A queue over a real one whose messages come late, twice and in another order, by a seed.
import { setTimeout as sleep } from "node:timers/promises";

import type { JobEnvelope } from "@ossaat/contracts";

import type { Rng } from "../clock.ts";
import type { JobQueue, PublishResult } from "../job/job-queue.ts";
import { shuffled } from "./manual-clock.ts";

/** Longest time that a delivery is late, ms. */
const lateMs = 25;
/** Share of messages that are sent, and of deliveries that are handed over, twice. */
const twiceShare = 0.3;

export function unrulyQueue(queue: JobQueue, rng: Rng): JobQueue {
  let copies = 0;
  const copyOf = (envelope: JobEnvelope) => ({ ...envelope, messageId: `${envelope.messageId}-copy-${(copies += 1)}` });
  return {
    ...queue,
    async publish(envelopes) {
      const results: PublishResult[] = [];
      for (const index of shuffled([...envelopes.keys()], rng)) {
        const envelope = envelopes[index];
        if (envelope === undefined) continue;
        const [result] = await queue.publish([envelope]);
        results[index] = result ?? { accepted: false, reason: "unavailable" };
        if (rng() < twiceShare) await queue.publish([copyOf(envelope)]);
      }
      return results;
    },
    subscribe: (pool, slots, handler) =>
      queue.subscribe(pool, slots, async (delivery) => {
        await sleep(rng() * lateMs);
        if (rng() < twiceShare) await handler({ ...delivery, settle: () => Promise.resolve() });
        await handler(delivery);
      }),
  };
}
