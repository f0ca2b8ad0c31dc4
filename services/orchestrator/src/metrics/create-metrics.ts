// What an orchestrator answers to a scrape. It never fails and never waits long: what cannot be read is
// told by `ossaat_store_up` and `ossaat_queue_up`.
import { renderMetrics } from "@ossaat/telemetry";

import { askQueue, ifThere } from "../job/ask-queue.ts";
import type { Engine } from "../job/engine.ts";
import type { JobQueue } from "../job/job-queue.ts";
import type { Worker } from "../job/worker.ts";
import { backlogGauges, queueGauges, slotGauge } from "./gauges.ts";
import type { QueueFigures } from "./gauges.ts";
import { readBacklog } from "./read-backlog.ts";
import { createSampler } from "./sampler.ts";

export type MetricsDeps = {
  engine: Pick<Engine, "store" | "clock" | "log">;
  queue: JobQueue;
  pools: readonly string[];
  /** Whether messages wait elsewhere than in the outbox, which the backlog tells of. */
  hasBroker: boolean;
  /** Absent = this process runs no steps. */
  worker?: { pool: string } & Pick<Worker, "slots">;
};

async function readQueue({ queue, pools, hasBroker }: MetricsDeps): Promise<QueueFigures> {
  const answer = await askQueue(queue, hasBroker ? pools : []);
  const { ok } = answer.health;
  const counts = pools.map(async (pool) => ({ pool, count: ok ? await ifThere(queue.deadLetters.count(pool)) : null }));
  return { ...answer, deadLetters: await Promise.all(counts) };
}

/** The text of a scrape; never rejects. */
export function createMetrics(deps: MetricsDeps): () => Promise<string> {
  const { engine, pools, worker } = deps;
  const { clock, log } = engine;
  const onError = (error: unknown) => log.warn({ error }, "figures for metrics cannot be read");
  const backlog = createSampler({ read: () => readBacklog(engine, pools), clock, onError });
  const queue = createSampler({ read: () => readQueue(deps), clock, onError });
  return async () => {
    const [waiting, answered] = await Promise.all([backlog(), queue()]);
    const slots = worker === undefined ? [] : [slotGauge([{ pool: worker.pool, ...worker.slots() }])];
    return renderMetrics([...backlogGauges(waiting), ...queueGauges(answered), ...slots]);
  };
}
