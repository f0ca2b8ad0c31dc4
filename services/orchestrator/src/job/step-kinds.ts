// The kinds of steps that this version can run, and what becomes of one that it cannot: while a deployment
// is brought to another version, workers of both take from one queue.
import type { JobEnvelope } from "@ossaat/contracts";

import type { Engine } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { storeTime } from "./store-time.ts";

/** The newest version of each kind. */
export type StepKinds = Readonly<Record<string, number>>;

export const stepKinds = { planning: 1, agent: 1, merge: 1, finish: 1 } as const satisfies StepKinds;

/** The newest shape of messages. What is needed to find the step of a message is in every one of them. */
const newestMessage = 1;

export function isKnown({ schemaVersion, kind, kindVersion }: JobEnvelope, kinds: StepKinds = stepKinds): boolean {
  if (schemaVersion > newestMessage) return false;
  const newest = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  return newest !== undefined && kindVersion <= newest;
}

/**
 * Leaves a step that this worker cannot run as ready as it is. It is announced again soon, because the
 * message that this worker took goes to nobody else.
 */
export async function leaveToOthers(engine: Engine, envelope: JobEnvelope): Promise<void> {
  const { planId, stepId, attempt, kind, kindVersion } = envelope;
  const { leftMs, reemitAfterMs } = jobEngineLimits;
  await engine.store.tx((tx) =>
    tx
      .updateTable("step")
      .set({ announced_at: storeTime(engine, leftMs - reemitAfterMs) })
      .where("plan_id", "=", planId)
      .where("step_id", "=", stepId)
      .where("attempt", "=", attempt)
      .where("status", "=", "ready")
      .execute(),
  );
  engine.log.warn({ planId, stepId, kind, kindVersion }, "this version cannot run the step; another one may");
}
