// Steady load on a server for some minutes: plans are made and read, one after the other, and every
// other one is carried out to its branch, the rest rejected. Prints memory and its slope, and fails when the heap grows.
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { smallRepository } from "../bench/repositories.ts";
import { makeBenchFolder, residentMb, startServer } from "../bench/server-process.ts";
import type { BenchServer } from "../bench/server-process.ts";
import { grows, measureGrowth, soakLimits } from "./growth.ts";
import type { Growth, Sample } from "./growth.ts";
import { runPlan, writeSoakModel } from "./executed-plan.ts";

const minutes = Number(process.env["MINUTES"] ?? "30");
if (!(minutes > 0 && minutes <= 240)) throw new Error("MINUTES is a number above 0 and at most 240");
const sampleMs = Math.max(2_000, (minutes * 60_000) / 120);
/** Pause between two plans, ms: the load is steady, not as high as can be. */
const pauseMs = 200;
const probe = fileURLToPath(new URL("heap-probe.ts", import.meta.url));

async function heapMb({ child }: BenchServer): Promise<number> {
  const answer = once(child, "message");
  child.send("heap");
  const [{ heapBytes }] = (await answer) as [{ heapBytes: number }];
  return heapBytes / 2 ** 20;
}

/** One plan that nobody wants, read as a person reads it. */
async function rejectPlan({ client }: BenchServer, repository: string, n: number): Promise<void> {
  const created = await client.createPlan({
    goal: `Round total ${n} in part ${n % 5}`,
    repository: { path: repository },
  });
  const signal = AbortSignal.timeout(60_000);
  for await (const item of client.watchPlan(created.id, { signal })) {
    if (item.kind === "state" && (item.event.type === "plan.recorded" || item.event.type === "plan.finished")) break;
  }
  const { planHash } = await client.getPlan(created.id);
  if (planHash === undefined) throw new Error(`plan ${created.id} was not proposed`);
  await client.decidePlan(created.id, { decision: "reject", planHash });
  await client.listPlans({ repository });
}

type Series = { heap: Sample[]; resident: Sample[]; plans: number };

/** Notes memory at even distances, however long a plan takes. */
async function sample(server: BenchServer, { heap, resident }: Series, isOver: () => boolean): Promise<void> {
  const start = performance.now();
  for (let taken = 1; !isOver(); taken += 1) {
    const minute = (performance.now() - start) / 60_000;
    heap.push({ minute, megabytes: await heapMb(server) });
    resident.push({ minute, megabytes: residentMb(server.pid) });
    await sleep(Math.max(0, start + taken * sampleMs - performance.now()));
  }
}

async function soak(server: BenchServer, repository: string, model: string): Promise<Series> {
  const end = performance.now() + minutes * 60_000;
  const isOver = () => performance.now() >= end;
  const series: Series = { heap: [], resident: [], plans: 0 };
  const load = async () => {
    while (!isOver()) {
      const n = (series.plans += 1);
      if (n % 2 === 0) await runPlan(server, { repository, model, goal: `Write note ${n}` });
      else await rejectPlan(server, repository, n);
      await sleep(pauseMs);
    }
  };
  await Promise.all([load(), sample(server, series, isOver)]);
  return series;
}

function describe(name: string, samples: readonly Sample[], { slope, low, high }: Growth): string {
  const last = samples.at(-1)?.megabytes ?? 0;
  const range = `${low.toFixed(1)} to ${high.toFixed(1)}`;
  return `${name}: ${last.toFixed(1)} MB at the end, ${slope.toFixed(1)} MB/h (95%: ${range})`;
}

const bench = makeBenchFolder();
let failed = false;
try {
  const leak = process.env["SOAK_LEAK"] === undefined ? {} : { SOAK_LEAK: process.env["SOAK_LEAK"] };
  const server = await startServer({ ...bench, env: { ...bench.env, ...leak } }, ["--expose-gc", "--import", probe]);
  try {
    const { heap, resident, plans } = await soak(server, smallRepository(bench.folder), writeSoakModel(bench.folder));
    const growth = measureGrowth(heap);
    failed = grows(growth);
    console.log(
      `${plans} plans in ${minutes} min, ${heap.length} samples, the first ${soakLimits.warmUpShare * 100}% left out`,
    );
    console.log(describe("resident", resident, measureGrowth(resident)));
    console.log(describe("heap after collection", heap, growth));
    console.log(
      `soak: ${failed ? "GROWS" : "holds"} (heap may grow ${soakLimits.maxHeapSlope} MB/h; it grows when even the low end is above)`,
    );
  } finally {
    await server.stop();
  }
} finally {
  bench.remove();
}
process.exit(failed ? 1 : 0);
