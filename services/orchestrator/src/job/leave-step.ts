// What becomes of a message whose step is not run now: the step stays as it is and is announced again, so that
// the message itself need not wait, in the way of others.
import type { JobEnvelope } from "@ossaat/contracts";

import { isContended, isStoreTrouble } from "../store/store-outage.ts";
import type { Engine } from "./engine.ts";
import type { Settlement } from "./job-queue.ts";
import { jobEngineLimits } from "./limits.ts";
import { storeTime } from "./store-time.ts";

/** Lets a ready step be announced again in `afterMs`. */
async function announceIn(engine: Engine, { planId, stepId, attempt }: JobEnvelope, afterMs: number): Promise<void> {
  await engine.store.tx((tx) =>
    tx
      .updateTable("step")
      .set({ announced_at: storeTime(engine, afterMs - jobEngineLimits.reemitAfterMs) })
      .where("plan_id", "=", planId)
      .where("step_id", "=", stepId)
      .where("attempt", "=", attempt)
      .where("status", "=", "ready")
      .execute(),
  );
}

/** Leaves a step that this worker cannot run to one that can: this message goes to nobody else. */
export async function leaveToOthers(engine: Engine, envelope: JobEnvelope): Promise<void> {
  await announceIn(engine, envelope, jobEngineLimits.leftMs);
  const { planId, stepId, kind, kindVersion } = envelope;
  engine.log.warn({ planId, stepId, kind, kindVersion }, "this version cannot run the step; another one may");
}

/**
 * How the message of a step is settled whose claim failed. When the database takes nothing it is kept, as all
 * others are. Else it is this plan alone: its rows are in use for long, or are not what they should be; its
 * message goes, because one that waits at a broker is in the way of those behind it.
 */
export async function settleUnclaimed(engine: Engine, envelope: JobEnvelope, error: unknown): Promise<Settlement> {
  const { planId, stepId, attempt } = envelope;
  const of = { planId, stepId, attempt, error };
  const isInUse = isContended(error);
  if (isStoreTrouble(error) && !isInUse) {
    engine.log.warn(of, "the database takes nothing now, the step is tried again");
    return "retry_soon";
  }
  if (isInUse) engine.log.warn(of, "the plan was in use for too long to claim its step, which is announced again");
  else engine.log.error(of, "the step could not be claimed, it is announced again");
  try {
    await announceIn(engine, envelope, isInUse ? jobEngineLimits.leftMs : jobEngineLimits.reemitAfterMs);
  } catch (thrown) {
    if (isStoreTrouble(thrown) && !isContended(thrown)) return "retry_soon";
    engine.log.warn({ ...of, error: thrown }, "the step keeps the time at which it is announced again");
  }
  return "done";
}
