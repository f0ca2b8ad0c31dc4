// Keeps what waits for a time right when the machine's clock is set back: nothing may wait longer
// because of it. A clock that goes forward needs no help, since what was due later is due at once.
// Where the database's own clock rules, a machine's decides nothing and moves nothing.
import type { StepStatus } from "@ossaat/contracts";

import type { Clock } from "../clock.ts";
import type { Store, Tx } from "../store/store.ts";
import type { Engine } from "./engine.ts";
import { holdClock } from "./held-clock.ts";
import type { HeldClock } from "./held-clock.ts";
import { jobEngineLimits } from "./limits.ts";

/** Statuses in which `ready_at`, `announced_at` and `waiting_since` still tell something. */
const waiting: readonly StepStatus[] = ["ready", "backoff"];

/**
 * Moves every time that work waits for. What people were told, the end of a request's time, stays.
 * No status changes, so there is no event.
 */
async function moveBack(tx: Tx, byMs: number): Promise<void> {
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
    .updateTable("outbox")
    .set((eb) => ({ written_at: eb("written_at", "-", byMs) }))
    .where("written_at", "is not", null)
    .execute();
  await tx
    .updateTable("plan")
    .set((eb) => ({ cancel_at: eb("cancel_at", "-", byMs) }))
    .where("status", "=", "cancelling")
    .execute();
}

/** The clock of an engine whose data goes by it; undefined where the database's own rules. */
export function holdClockFor(store: Pick<Store, "leaseTime">, source: Clock): HeldClock | undefined {
  const isRuled = typeof store.leaseTime(source.now()) !== "number";
  return isRuled ? undefined : holdClock(source, { minStepMs: jobEngineLimits.minClockStepMs });
}

/** Makes the watch; it comes before everything else that goes by the clock. */
export function createClockWatch({ store, log }: Pick<Engine, "store" | "log">, clock: HeldClock): () => Promise<void> {
  return async function followClock() {
    const backMs = clock.heldBackMs();
    if (backMs === 0) return;
    log.warn({ backMs }, "the clock was set back");
    let wentBack = false;
    try {
      await store.tx(async (tx) => {
        await moveBack(tx, backMs);
        // Within the transaction, which the next one waits for: that has to go by the new time.
        if (!wentBack) clock.goBack(backMs);
        wentBack = true;
      });
    } catch (error) {
      if (wentBack) clock.goBack(-backMs);
      throw error;
    }
  };
}
