// The queue of a server: the outbox itself, or a broker with a relay that carries the outbox to it.
import type { Engine } from "../job/engine.ts";
import { createEmbeddedQueue } from "../job/adapters/embedded.ts";
import type { JobQueue } from "../job/job-queue.ts";
import { createRelay } from "../job/relay.ts";
import { defaultPool } from "../step/step-rows.ts";

/** Makes the queue of a broker. Absent where a server is composed: the outbox is the queue. */
export type OpenQueue = (onError: (error: unknown) => void) => JobQueue;

export type QueueParts = {
  queue: JobQueue;
  /** Tells that the outbox may have grown. */
  wake(): void;
  /** Begins to carry messages to the broker. */
  start(): void;
  stop(): Promise<void>;
};

/** How long an ordered stop waits for handlers and connections, ms. */
const drainMs = 2_000;

export function createQueueParts(
  engine: Pick<Engine, "store" | "clock" | "log">,
  { openQueue, slots }: { openQueue: OpenQueue | undefined; slots: number },
): QueueParts {
  const { store, clock, log } = engine;
  const onError = (error: unknown) => log.error({ error }, "queue");
  if (openQueue === undefined) {
    const queue = createEmbeddedQueue({ store, clock, onError });
    const stop = () => queue.close({ drainMs });
    return { queue, wake: () => queue.wake(), start: () => undefined, stop };
  }
  const queue = openQueue(onError);
  const relay = createRelay({ engine, queue, pools: [defaultPool], slots });
  return {
    queue,
    wake: () => relay.wake(),
    start: () => relay.start(),
    async stop() {
      await relay.stop();
      await queue.close({ drainMs });
    },
  };
}
