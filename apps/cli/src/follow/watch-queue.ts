// Tells a person who waits for a plan, of which nothing is heard, that its queue is away.
import type { Client } from "@ossaat/client";

import { queueProblem } from "../server/queue-problem.ts";

/** Silence after which the queue is asked, ms, and again after each of it. */
const silentMs = 10_000;

export type QueueWatch = {
  /** Something was heard of the plan. */
  heard(): void;
  stop(): void;
};

export function watchQueue(client: Pick<Client, "status">, tell: (problem: string) => void): QueueWatch {
  let stopped = false;
  const ask = async () => {
    // A server that does not answer is told of by the stream.
    const status = await client.status().catch(() => undefined);
    const problem = status === undefined ? undefined : queueProblem(status);
    if (problem !== undefined && !stopped) tell(problem);
  };
  const timer = setInterval(() => void ask(), silentMs);
  return {
    heard: () => void timer.refresh(),
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}
