// What a suite needs of a queue beside the port itself, and messages to send through it.
import { setTimeout as sleep } from "node:timers/promises";

import type { JobEnvelope } from "@ossaat/contracts";

import { jobEnvelope } from "../job/dispatch-step.ts";
import type { Delivery, JobQueue, LetterChoice, Subscription } from "../job/job-queue.ts";
import { waitUntil } from "./wait-until.ts";

export type JobQueueUnderTest = {
  queue: JobQueue;
  /** Lets the time pass after which `retry_soon` gives a message again. */
  passRetryPause(): Promise<void>;
  /** Puts bytes into a pool that no publisher of ours would send. */
  inject(pool: string, bytes: Buffer): Promise<void>;
  /** From now on nothing can be accepted durably, until the returned function is called. */
  stall(): Promise<() => Promise<void>>;
  /**
   * Consumes a pool in a process that never settles and dies by SIGKILL as soon as it holds `count`
   * messages. Returns the step ids it held.
   */
  consumeAndDie(pool: string, count: number): Promise<string[]>;
  /** Publishes in a process that is killed right after it sent, before any answer. Absent: left out. */
  publishAndDie?(envelopes: readonly JobEnvelope[]): Promise<void>;
  /** Breaks the connections; resolves when they are broken. Absent: C13, C18 are left out. */
  cutConnection?(): Promise<void>;
  remove(): Promise<void>;
};

export const pool = "default";
export const otherPool = "other";

export function envelope(n: number, changes: Partial<JobEnvelope> = {}): JobEnvelope {
  const step = { plan_id: "plan-00000001", step_id: `step-${n}`, attempt: 1, pool, kind: "agent", kind_version: 1 };
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

export const envelopes = (count: number, from = 0): JobEnvelope[] =>
  Array.from({ length: count }, (_, n) => envelope(from + n));

export const stepIds = (count: number): string[] => Array.from({ length: count }, (_, n) => `step-${n}`);

/** Long enough for a delivery that must not happen to happen. */
export const quiet = () => sleep(60);

export const done = (delivery: Delivery) => delivery.settle("done");

/** Ten thousand messages on a busy machine. */
const maxWaitMs = 60_000;

/** A queue of one test, and what was delivered by it. */
/** Chooses the letter of that id. */
export const named = (id: string): LetterChoice => ({
  choose: (heads) => heads.filter((head) => head.id === id).map((head) => head.id),
});

export class QueueBench {
  readonly subject: JobQueueUnderTest;
  readonly seen: string[] = [];
  readonly #subscriptions: Subscription[] = [];

  constructor(subject: JobQueueUnderTest) {
    this.subject = subject;
  }

  get queue(): JobQueue {
    return this.subject.queue;
  }

  /** Subscribes and notes the step of each delivery in `seen`. */
  subscribe(slots: number, handler: (delivery: Delivery) => Promise<void>, from = pool): Subscription {
    const subscription = this.queue.subscribe(from, slots, (delivery) => {
      this.seen.push(delivery.envelope.stepId);
      return handler(delivery);
    });
    this.#subscriptions.push(subscription);
    return subscription;
  }

  /** Publishes until all are accepted: right after a cut the connection is not there yet. */
  async publish(envelopes: readonly JobEnvelope[]): Promise<void> {
    let rest = envelopes;
    await waitUntil(
      "all are accepted",
      async () => {
        const answers = await this.queue.publish(rest);
        rest = rest.filter((_, index) => answers[index]?.accepted !== true);
        return rest.length === 0;
      },
      maxWaitMs,
    );
  }

  sawAtLeast(count: number): Promise<void> {
    return waitUntil(`${count} deliveries`, () => this.seen.length >= count, maxWaitMs);
  }

  sawSteps(count: number): Promise<void> {
    return waitUntil(`${count} steps`, () => new Set(this.seen).size >= count, maxWaitMs);
  }

  isEmpty(of = pool): Promise<void> {
    return waitUntil("an empty queue", async () => (await this.queue.depth(of)) === 0, maxWaitMs);
  }

  /** Asks again when the connection is away just now. */
  deadLetters(count: number, of = pool): Promise<void> {
    const found = () => this.queue.deadLetters.list(of, 100).then(({ letters }) => letters.length >= count);
    return waitUntil(`${count} dead letters`, () => found().catch(() => false), maxWaitMs);
  }

  async remove(): Promise<void> {
    for (const subscription of this.#subscriptions) await subscription.close();
    await this.queue.close({ drainMs: 1_000 });
    await this.subject.remove();
  }
}
