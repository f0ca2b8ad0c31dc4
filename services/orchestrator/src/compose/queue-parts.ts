// The queue of a server: the outbox itself, or a broker with a relay that carries the outbox to it.
import { setTimeout as sleep } from "node:timers/promises";

import type { Engine } from "../job/engine.ts";
import { createEmbeddedDeadLetters } from "../job/adapters/embedded-dead-letters.ts";
import { createEmbeddedQueue } from "../job/adapters/embedded.ts";
import type { JobQueue } from "../job/job-queue.ts";
import { joinLetters } from "../job/join-letters.ts";
import { createRelay } from "../job/relay.ts";
import { StepStates } from "../job/step-states.ts";
import type { StepStatesDeps } from "../job/step-states.ts";
import { defaultPool } from "../step/step-rows.ts";
import { QueueLog } from "./queue-log.ts";

/** A queue on a broker; one that keeps states of steps for others to read is sent them. */
export type BrokerQueue = JobQueue & { sendStates?: StepStatesDeps["send"] };

/** Makes the queue of a broker. Absent where a server is composed: the outbox is the queue. */
export type OpenQueue = (onError: (error: unknown) => void) => BrokerQueue;

export type QueueParts = {
  queue: JobQueue;
  /** Tells that the outbox may have grown. */
  wake(): void;
  /** Begins to carry messages and states to the broker. */
  start(): void;
  stop(): Promise<void>;
};

/** How long an ordered stop waits for handlers and connections, and for what is being sent, ms. */
const drainMs = 2_000;

/** A broker that does not answer must not hold up the end of its server: what was not sent, the database has. */
async function soon(work: Promise<void>): Promise<void> {
  await Promise.race([work, sleep(drainMs, undefined, { ref: false })]);
}

export function createQueueParts(
  engine: Pick<Engine, "store" | "clock" | "bus" | "log" | "dispatch" | "wakeQueue">,
  { openQueue, slots }: { openQueue: OpenQueue | undefined; slots: number },
): QueueParts {
  const { store, clock, bus, log } = engine;
  if (openQueue === undefined) {
    const onError = (error: unknown) => log.error({ error }, "queue");
    const queue = createEmbeddedQueue({ store, clock, weights: engine.dispatch?.weights, onError });
    const stop = () => queue.close({ drainMs });
    return { queue, wake: () => queue.wake(), start: () => undefined, stop };
  }
  const queueLog = new QueueLog({ log, isWell: async () => (await broker.health()).ok });
  const broker = openQueue((error) => queueLog.error(error));
  const relay = createRelay({ engine, queue: broker, pools: [defaultPool], slots });
  const { sendStates: send } = broker;
  const kept = createEmbeddedDeadLetters({ store, clock }, () => engine.wakeQueue());
  const queue: JobQueue = { ...broker, deadLetters: joinLetters(kept, broker.deadLetters) };
  let states: StepStates | undefined;
  return {
    queue,
    wake: () => relay.wake(),
    start() {
      relay.start();
      // Made only now: a process that carries nothing would collect what it never sends.
      if (send !== undefined) states = new StepStates({ store, clock, bus, log, send });
      states?.start();
    },
    async stop() {
      queueLog.close();
      await Promise.all([soon(relay.stop()), soon(states?.stop() ?? Promise.resolve())]);
      await broker.close({ drainMs });
    },
  };
}
