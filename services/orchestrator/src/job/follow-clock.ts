// Keeps what waits for a time right when the machine's clock is set back: nothing may wait longer
// because of it. A clock that goes forward needs no help, since what was due later is due at once.
// Where the database's own clock rules, a machine's decides nothing and moves nothing.
import type { StepStatus } from "@ossaat/contracts";

import type { Engine } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";

/** Statuses in which `ready_at`, `announced_at` and `waiting_since` still tell something. */
const waiting: readonly StepStatus[] = ["ready", "backoff"];

/**
 * Moves every time that work waits for. What people were told, the end of a request's time, stays.
 * No status changes, so there is no event.
 */
async function moveBack(engine: Engine, byMs: number): Promise<void> {
  await engine.store.tx(async (tx) => {
    await tx
      .updateTable("timer")
      .set((eb) => ({ due_at: eb("due_at", "-", byMs) }))
      .where("kind", "!=", "approval")
      .execute();
    await tx
      .updateTable("step")
      .set((eb) => ({
        ready_at: eb("ready_at", "-", byMs),
        announced_at: eb("announced_at", "-", byMs),
        waiting_since: eb("waiting_since", "-", byMs),
      }))
      .where("status", "in", waiting)
      .where("ready_at", "is not", null)
      .execute();
    await tx
      .updateTable("step")
      .set((eb) => ({ lease_until: eb("lease_until", "-", byMs) }))
      .where("status", "=", "running")
      .execute();
    await tx
      .updateTable("plan")
      .set((eb) => ({ cancel_at: eb("cancel_at", "-", byMs) }))
      .where("status", "=", "cancelling")
      .execute();
  });
}

/** Makes the watch; it comes before everything else that goes by the clock. */
export function createClockWatch(engine: Engine): () => Promise<void> {
  const { clock, store } = engine;
  const isOwnClock = typeof store.leaseTime(clock.now()) === "number";
  const offset = (): number => clock.now() - clock.monotonic();
  let known = offset();
  return async function followClock() {
    const seen = offset();
    const backMs = known - seen;
    if (isOwnClock && backMs >= jobEngineLimits.minClockStepMs) {
      engine.log.warn({ backMs }, "the clock was set back");
      await moveBack(engine, backMs);
    }
    known = seen;
  };
}
