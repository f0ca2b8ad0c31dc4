// Runs the sweeps on a clock: often enough to be prompt, gently enough to cost nothing. They touch the
// database alone; what waits for anything else is the cleaner's, which leases and timers never wait for.
import type { Engine } from "./engine.ts";
import { createClockWatch } from "./follow-clock.ts";
import type { HeldClock } from "./held-clock.ts";
import { jobEngineLimits } from "./limits.ts";
import { createLoop } from "./loop.ts";
import type { Loop } from "./loop.ts";
import { createHeldSweep } from "./release-held.ts";
import { reemitReady, sweepCancelled, sweepLeases, sweepTimers } from "./sweep.ts";

type Sweep = { name: string; run: () => Promise<unknown> };

/** Runs one after the other, until told to stop; one that fails, whose name stands in the log, keeps none from running. */
async function runEach({ log }: Engine, sweeps: readonly Sweep[], signal: AbortSignal): Promise<void> {
  for (const { name, run } of sweeps) {
    if (signal.aborted) return;
    await run().catch((error: unknown) => log.error({ error, sweep: name }, "sweep failed"));
  }
}

function loopOver(engine: Engine, runs: readonly ((engine: Engine) => Promise<unknown>)[]): Loop {
  const sweeps = runs.map((run) => ({ name: run.name, run: () => run(engine) }));
  return createLoop((signal) => runEach(engine, sweeps, signal), jobEngineLimits.pollMs);
}

/**
 * What leases and timers need, and beside it the lines of caps: many of those keep no lease waiting.
 * @param clock the engine's, where its data goes by it; absent = the database's own rules
 */
export function createSweeper(engine: Engine, clock?: HeldClock): Loop {
  const watch = clock === undefined ? [] : [createClockWatch(engine, clock)];
  const loops = [
    loopOver(engine, [...watch, sweepTimers, sweepLeases, sweepCancelled, reemitReady]),
    loopOver(engine, [createHeldSweep(engine)]),
  ];
  return {
    start() {
      for (const loop of loops) loop.start();
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

/** Work that may be slow and is never urgent; its signal asks it to end soon. */
export type CleanUp = (signal: AbortSignal) => Promise<void>;

export function createCleaner(engine: Engine, works: readonly CleanUp[]): Loop {
  const runAll = (signal: AbortSignal) =>
    runEach(
      engine,
      works.map((work) => ({ name: work.name, run: () => work(signal) })),
      signal,
    );
  return createLoop(runAll, jobEngineLimits.cleanMs);
}
