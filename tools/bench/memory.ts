// Resident memory of a server with many plans, after every one was read once, against one with none.
import { setTimeout as sleep } from "node:timers/promises";

import type { Client } from "../../packages/client/src/index.ts";
import { toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import type { Bench } from "./report.ts";
import { makeBenchFolder, residentMb, startServer } from "./server-process.ts";
import { storePlans } from "./stored-plans.ts";
import type { StoredPlans } from "./stored-plans.ts";

const settleMs = 3_000;

/** Reads the list of plans to its end. */
async function listAll(client: Client): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.listPlans(cursor === undefined ? {} : { cursor });
    ids.push(...page.plans.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return ids;
}

async function measureOnce(plans: StoredPlans): Promise<number> {
  const bench = makeBenchFolder();
  try {
    await storePlans(bench, plans);
    const server = await startServer(bench);
    const ids = await listAll(server.client);
    if (ids.length !== plans.finished + plans.open) throw new Error(`${ids.length} plans are listed`);
    for (const id of ids) await server.client.getPlan(id);
    await sleep(settleMs);
    const megabytes = residentMb(server.pid);
    await server.kill();
    return megabytes;
  } finally {
    bench.remove();
  }
}

async function run(): Promise<Result[]> {
  const baseline = [await measureOnce({ finished: 0, open: 0, running: 0 })];
  const ours = [await measureOnce({ finished: 1_000, open: 200, running: 4 })];
  const row = { id: "memory.1200-plans", unit: "MB", goal: null, baselineName: "a server without plans" };
  return [toResult(row, { ours, baseline })];
}

export const memoryUse: Bench = { ids: ["memory.1200-plans"], run };
