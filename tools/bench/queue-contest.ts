// Ways to send messages through a broker and take them off again, timed in turns on one server.
import type { JobEnvelope } from "../../packages/contracts/src/index.ts";
import { jobEnvelope } from "../../services/orchestrator/src/job/dispatch-step.ts";
import type { JobQueue } from "../../services/orchestrator/src/job/job-queue.ts";

export type Contender = {
  /** Sends all, in batches, and resolves when all were handled. */
  pass(batches: readonly (readonly JobEnvelope[])[]): Promise<void>;
  close(): Promise<void>;
};

const benchPool = "default";
/** Messages that are handled at once. */
export const benchSlots = 16;

const rounds = 9;
const batches = 40;
/** As many as the relay sends at once. */
const batchSize = 100;
const plans = 24;

export const countOf = (parts: readonly (readonly unknown[])[]) => parts.reduce((sum, { length }) => sum + length, 0);

/** Counts what was handled and tells when it is enough. */
export class Tally {
  #left = 0;
  #done = Promise.withResolvers<void>();

  expect(count: number): Promise<void> {
    this.#left = count;
    this.#done = Promise.withResolvers<void>();
    return this.#done.promise;
  }

  add(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#done.resolve();
  }
}

/** A queue of ours, whose handler does nothing. */
export async function contend(queue: JobQueue): Promise<Contender> {
  const tally = new Tally();
  await queue.ensureTopology([benchPool]);
  queue.subscribe(benchPool, benchSlots, async (delivery) => {
    await delivery.settle("done");
    tally.add();
  });
  return {
    async pass(parts) {
      const all = tally.expect(countOf(parts));
      for (const part of parts) {
        const results = await queue.publish(part);
        if (!results.every(({ accepted }) => accepted)) throw new Error("a message was not accepted");
      }
      await all;
    },
    close: () => queue.close({ drainMs: 5_000 }),
  };
}

function benchMessage(round: number, n: number): JobEnvelope {
  return jobEnvelope({
    tenantId: "local",
    priority: 0,
    step: {
      plan_id: `plan-00000000-0000-4000-8000-${String(n % plans).padStart(12, "0")}`,
      step_id: `step-${n}`,
      attempt: 1,
      pool: benchPool,
      kind: "agent",
      kind_version: 1,
    },
    now: n,
    messageId: `message-${round}-${n}`,
    traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  });
}

function messagesOf(round: number): JobEnvelope[][] {
  return Array.from({ length: batches }, (_, batch) =>
    Array.from({ length: batchSize }, (_none, n) => benchMessage(round, batch * batchSize + n)),
  );
}

/** Messages a second, of one round. */
export async function rateOf(contender: Contender, round: number): Promise<number> {
  const messages = messagesOf(round);
  const start = performance.now();
  await contender.pass(messages);
  return ((batches * batchSize) / (performance.now() - start)) * 1000;
}

/** Messages a second of each, round by round; the first round does not count. Closes them. */
export async function contest(openers: readonly (() => Promise<Contender>)[]): Promise<number[][]> {
  const contenders: Contender[] = [];
  const figures: number[][] = openers.map(() => []);
  try {
    for (const open of openers) contenders.push(await open());
    for (let round = 0; round <= rounds; round += 1) {
      // One after the other, so that a busy machine slows all of them.
      for (const [index, contender] of contenders.entries()) {
        const figure = await rateOf(contender, round);
        if (round > 0) figures[index]?.push(figure);
      }
    }
    return figures;
  } finally {
    for (const contender of contenders) await contender.close();
  }
}
