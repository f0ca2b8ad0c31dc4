// Runs the sweeps on a clock: often enough to be prompt, gently enough to cost nothing. They touch the
// database alone; what waits for anything else is the cleaner's, which leases and timers never wait for.
// Of the processes of a deployment one does them for all.
import { setTimeout as sleep } from "node:timers/promises";

import type { Engine } from "./engine.ts";
import { createClockWatch } from "./follow-clock.ts";
import type { HeldClock } from "./held-clock.ts";
import { jobEngineLimits } from "./limits.ts";
import { createLoop } from "./loop.ts";
import type { Loop } from "./loop.ts";
import { createHeldSweep } from "./release-held.ts";
import { sweepCancelled, sweepLeases, sweepTimers } from "./sweep.ts";
import { createReadySweep } from "./sweep-ready.ts";
import { SweepTurn } from "./sweep-turn.ts";

type Sweep = { name: string; run: () => Promise<unknown> };

/** Runs one after the other, until told to stop; one that fails, whose name stands in the log, keeps none from running. */
async function runEach({ log }: Engine, sweeps: readonly Sweep[], signal: AbortSignal): Promise<void> {
  for (const { name, run } of sweeps) {
    if (signal.aborted) return;
    await run().catch((error: unknown) => log.error({ error, sweep: name }, "sweep failed"));
  }
}

/** Runs no more often than its limit says. */
function seldom({ clock }: Engine, everyMs: number, { name, run }: Sweep): Sweep {
  let ranAt = Number.NEGATIVE_INFINITY;
  return {
    name,
    async run() {
      if (clock.monotonic() - ranAt < everyMs) return;
      ranAt = clock.monotonic();
      await run();
    },
  };
}

type TakingTurns = {
  /** Names the turn. */
  name: string;
  /** What each process does itself, before. */
  own?: readonly Sweep[];
  sweepsOf: (turn: SweepTurn) => readonly Sweep[];
};

function loopOver(engine: Engine, { name, own = [], sweepsOf }: TakingTurns): Loop {
  const { pollMs, turnPolls } = jobEngineLimits;
  const turn = new SweepTurn(engine, { name, pauseMs: turnPolls * pollMs });
  const sweeps = sweepsOf(turn);
  const inTurn = async (signal: AbortSignal) => {
    if (await turn.take()) await runEach(engine, sweeps, signal);
  };
  const loop = createLoop(
    (signal) => runEach(engine, [...own, { name: `turn ${name}`, run: () => inTurn(signal) }], signal),
    pollMs,
  );
  return {
    start: () => loop.start(),
    async stop() {
      await loop.stop();
      // A store that is away keeps no process from its end; the turn runs out by itself.
      const leaving = turn
        .leave()
        .catch((error: unknown) => engine.log.warn({ error, sweep: name }, "a turn was not left"));
      await Promise.race([leaving, sleep(turnPolls * pollMs, undefined, { ref: false })]);
    },
  };
}

/**
 * What timers need, and leases, and the lines of caps, each beside the others: many timers, or plans that somebody
 * holds, keep no lease waiting.
 * @param clock the engine's, where its data goes by it; absent = the database's own rules
 */
export function createSweeper(engine: Engine, clock?: HeldClock): Loop {
  const sweep = (run: (engine: Engine) => Promise<unknown>): Sweep => ({ name: run.name, run: () => run(engine) });
  const watch = clock === undefined ? [] : [sweep(createClockWatch(engine, clock))];
  const loops = [
    loopOver(engine, {
      name: "clock",
      own: watch,
      sweepsOf: (turn) => [{ name: sweepTimers.name, run: () => sweepTimers(engine, () => turn.keep()) }],
    }),
    loopOver(engine, {
      name: "leases",
      sweepsOf: () => [
        sweep(sweepLeases),
        sweep(sweepCancelled),
        seldom(engine, jobEngineLimits.reemitMs, sweep(createReadySweep(engine))),
      ],
    }),
    loopOver(engine, { name: "lines", sweepsOf: () => [sweep(createHeldSweep(engine))] }),
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
