// Runs the sweeps on a clock: often enough to be prompt, gently enough to cost nothing.
import type { Engine } from "./engine.ts";
import { createClockWatch } from "./follow-clock.ts";
import { jobEngineLimits } from "./limits.ts";
import { reemitReady, sweepCancelled, sweepLeases, sweepTimers } from "./sweep.ts";

export type Sweeper = { start(): void; stop(): Promise<void> };

/** @param more what else happens by this clock; its name stands in the log when it fails */
export function createSweeper(engine: Engine, more: readonly (() => Promise<void>)[] = []): Sweeper {
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> = Promise.resolve();
  let stopped = false;

  const sweeps = [createClockWatch(engine), sweepTimers, sweepLeases, sweepCancelled, reemitReady, ...more];
  const sweep = async () => {
    for (const one of sweeps) {
      const work: Promise<unknown> = one(engine);
      // NOTE: a sweep that fails must not keep the ones after it from running.
      await work.catch((error: unknown) => engine.log.error({ error, sweep: one.name }, "sweep failed"));
    }
  };
  const tick = () => {
    current = sweep().finally(() => {
      if (!stopped) timer = setTimeout(tick, jobEngineLimits.pollMs);
    });
  };
  return {
    start: tick,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await current;
    },
  };
}
