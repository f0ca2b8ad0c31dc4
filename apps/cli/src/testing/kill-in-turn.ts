// Kills one process of a deployment after the other, API and workers alike, and starts it again at once.
import { setTimeout as sleep } from "node:timers/promises";

import type { Query } from "@ossaat/testkit";
import { createRandom } from "@ossaat/testkit/chaos";

import type { Fleet } from "./fleet.ts";

/** Milliseconds between two kills. */
const everyMs = 2_000;
/** Milliseconds after which no more is killed. */
const longestMs = 60_000;

/**
 * Processes that are not killed now: by design a step is given up that loses its worker more than three times
 * without progress, and on a busy machine a few seconds of kills are as much.
 */
async function spared(query: Query): Promise<Set<string>> {
  const rows = await query("select lease_owner from step where status = 'running' and lost_count > 1", []);
  // Workers call themselves worker-w0, their processes are worker-0.
  return new Set(rows.map((row) => String(row["lease_owner"]).replace("worker-w", "worker-")));
}

/** Resolves when it is over, or has gone on for a minute, with the names of what was killed. */
export async function killInTurn(
  { orchestrators }: Pick<Fleet, "orchestrators">,
  query: Query,
  { isOver, seed }: { isOver: () => boolean; seed: number },
): Promise<string[]> {
  const random = createRandom(seed);
  const end = Date.now() + longestMs;
  const killed: string[] = [];
  while (!isOver() && Date.now() < end) {
    await sleep(everyMs);
    const others = await spared(query);
    const victim = random.pick(orchestrators.filter(({ name }) => !others.has(name)));
    await victim.end("SIGKILL");
    victim.start();
    killed.push(victim.name);
  }
  return killed;
}
