// What the start of a process does before it takes anything new, so that what a dead one left goes on first.
import type { Engine } from "./engine.ts";
import { reemitReady, sweepLeases, sweepTimers } from "./sweep.ts";

/** @param isDead whether the owner of a lease is known to be gone, so that nobody waits for its end */
export async function resumeWork(engine: Engine, isDead: (owner: string) => boolean): Promise<void> {
  await sweepLeases(engine, isDead);
  // What was interrupted is ready again before anything that waits is taken.
  await sweepTimers(engine);
  await reemitReady(engine, 0);
}
