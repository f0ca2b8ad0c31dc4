// Reads of a watched plan that outlast a server which has lost its database for a while.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import type { Client } from "@ossaat/client";

const patience = {
  /** Pause between two tries, ms. */
  pauseMs: 500,
  /** Tries before the error is told: half a minute in all, as long as a database takes to start again. */
  tries: 60,
} as const;

/** Whether a server answered that it cannot now; one that is away is looked after by the connection. */
function mayPass(thrown: unknown): boolean {
  if (!(thrown instanceof AgentError) || thrown.code !== "unavailable") return false;
  return thrown.details["requestId"] !== undefined && thrown.details["retryable"] !== false;
}

async function patiently<T>(read: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await read();
    } catch (thrown) {
      if (!mayPass(thrown) || tries >= patience.tries || signal.aborted) throw thrown;
      await sleep(patience.pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }
}

export type PlanReads = Pick<Client, "getPlan" | "listEvents">;

/** The same reads, which ask again while the server says that it cannot answer now. */
export function patientReads(client: PlanReads, signal: AbortSignal): PlanReads {
  return {
    getPlan: (planId) => patiently(() => client.getPlan(planId), signal),
    listEvents: (planId, afterSeq) => patiently(() => client.listEvents(planId, afterSeq), signal),
  };
}
