// The demo's plan by the API alone: hands in its goal, answers what it asks, and reads its events to the
// end, whatever happens to the processes meanwhile.
import { setTimeout as sleep } from "node:timers/promises";

import { createClient } from "../../packages/client/src/index.ts";
import type { Client } from "../../packages/client/src/index.ts";
import { AgentError, isTerminalPlan } from "../../packages/contracts/src/index.ts";
import type { PlanEvent, PlanState } from "../../packages/contracts/src/index.ts";
import { answerSample, sampleRequest } from "../../apps/cli/src/demo/sample-answers.ts";

const runLimits = {
  /** Pause between two looks at the plan, ms. */
  lookMs: 200,
  /** Time the plan has in all, ms: kills, leases that run out, a group of Kafka that is put together anew. */
  wholeMs: 300_000,
} as const;

export type Server = { url: string; token: string };

export type PlanRun = { state: PlanState; events: PlanEvent[] };

/** What a server says that is away, or that somebody else was quicker. */
const isPassing = (error: unknown) =>
  error instanceof AgentError && ["unavailable", "timeout", "conflict", "cancelled"].includes(error.code);

/** Asks again until there is an answer. @throws AgentError what no second try mends, or when the time is over */
async function persist<T>(until: number, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error) || Date.now() > until) throw error;
    }
    await sleep(runLimits.lookMs);
  }
}

/** Runs the plan on the sample's repository. @throws Error when it does not end in time */
export async function runPlan({ url, token }: Server, sample: string): Promise<PlanRun> {
  const client: Client = createClient({ baseUrl: () => url, token: () => token });
  const until = Date.now() + runLimits.wholeMs;
  const idempotencyKey = crypto.randomUUID();
  const { id } = await persist(until, () => client.createPlan(sampleRequest(sample), { idempotencyKey }));
  for (;;) {
    const state = await persist(until, async () => {
      const now = await client.getPlan(id);
      await answerSample(client, now);
      return now;
    });
    if (isTerminalPlan(state.status)) break;
    if (Date.now() > until) {
      const steps = state.steps.map((step) => `${step.id} ${step.status}`).join(", ");
      throw new Error(`the plan does not end; it is ${state.status}: ${steps}`);
    }
    await sleep(runLimits.lookMs);
  }
  const [state, events] = await persist(until, () => Promise.all([client.getPlan(id), client.listEvents(id)]));
  return { state, events };
}
