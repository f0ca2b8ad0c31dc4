// What a server says of its queue, for a person whose steps wait for it.
import { setTimeout as sleep } from "node:timers/promises";

import type { Client } from "@ossaat/client";
import type { StatusResponse } from "@ossaat/contracts";

/** Time that a server which was just started has to connect to its broker, ms. */
const connectMs = 3_000;
const lookMs = 200;

/** What keeps steps waiting; undefined = nothing. */
export function queueProblem({ queue }: Pick<StatusResponse, "queue">): string | undefined {
  if (queue === undefined || (queue.ok && !queue.blocked)) return undefined;
  return `The queue takes no messages: ${queue.detail.replace(/\.$/u, "")}. Steps wait until it does; nothing is lost.`;
}

/** The state of a server, once its queue is well or had time to be. */
export async function statusWithQueue(client: Client): Promise<StatusResponse> {
  const until = performance.now() + connectMs;
  for (;;) {
    const status = await client.status();
    if (queueProblem(status) === undefined || performance.now() > until) return status;
    await sleep(lookMs);
  }
}
