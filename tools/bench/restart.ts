// From the start of a server whose predecessor was killed to the first step that goes on, with many
// open plans in its state folder.
import { setTimeout as sleep } from "node:timers/promises";

import { toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import type { Bench } from "./report.ts";
import { makeBenchFolder, startServer } from "./server-process.ts";
import type { BenchFolder } from "./server-process.ts";
import { queryState, storePlans } from "./stored-plans.ts";

const openPlans = 200;
/** Steps that ran when the server was killed: as many as it runs at once. */
const runningSteps = 4;
const rounds = 3;
/** How long the new server is watched, ms; what has not gone on by then has waited so long. */
const waitMs = 4_000;

type Started = { at: number; attempt: number };

/** Starts, waits and kills; what had started by then stands in the log with its time. */
async function startedAfter(bench: BenchFolder, waitForMs: number): Promise<Started[]> {
  const startedAt = Date.now();
  const server = await startServer(bench);
  await sleep(waitForMs);
  await server.kill();
  const rows = queryState<Started>(
    bench,
    "SELECT at, attempt FROM event WHERE type = 'step.started' AND at >= ? ORDER BY at",
    startedAt,
  );
  return rows.map(({ at, attempt }) => ({ at: at - startedAt, attempt }));
}

type Resumed = { first: number; interrupted: number };

async function measureOnce(): Promise<Resumed> {
  const bench = makeBenchFolder();
  try {
    await storePlans(bench, { finished: 0, open: openPlans, running: runningSteps });
    const started = await startedAfter(bench, waitMs);
    const [first] = started;
    if (first === undefined) throw new Error(`no step started within ${waitMs / 1000} s`);
    // A step that had to wait for others is told with the time it was waited for.
    const interrupted = started.find(({ attempt }) => attempt > 1)?.at ?? waitMs;
    return { first: first.at / 1000, interrupted: interrupted / 1000 };
  } finally {
    bench.remove();
  }
}

async function run(): Promise<Result[]> {
  const rows: Resumed[] = [];
  for (let round = 0; round < rounds; round += 1) rows.push(await measureOnce());
  const row = { unit: "s", goal: { of: "value", relation: "≤", limit: 2 } as const, baselineName: null };
  const series = (key: keyof Resumed) => ({ ours: rows.map((figures) => figures[key]), baseline: [] });
  return [
    toResult({ ...row, id: "restart.first-step" }, series("first")),
    toResult({ ...row, id: "restart.interrupted-step" }, series("interrupted")),
  ];
}

export const restart: Bench = { ids: ["restart.first-step", "restart.interrupted-step"], run };
