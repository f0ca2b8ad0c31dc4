// What a seed kills, and when. Everything follows from the number.
import type { Random } from "../../../packages/testkit/src/chaos/index.ts";
import { deploymentLimits } from "./limits.ts";
import type { Server } from "./deployment.ts";

/** A kill, or an order to stop, at a time counted from the begin of the seed, ms. */
export type Fault = { atMs: number } & (
  | { kind: "worker" | "api" | "runner" | "stopped runner" | "gateway"; name: string }
  | { kind: "tool" }
  | { kind: Server; downMs: number }
);

/** Servers are slow to start again: each is killed in one seed of so many. */
const everyNth = { broker: { n: 17, of: 4 }, database: { n: 12, of: 6 } } as const;

function processFaults(random: Random): Fault[] {
  const worker = (): string => `worker-${random.between(0, deploymentLimits.workers - 1)}`;
  const faults: Fault[] = [{ kind: "worker", atMs: random.between(300, 2_500), name: worker() }];
  if (random.chance(0.4)) faults.push({ kind: "worker", atMs: random.between(2_500, 5_000), name: worker() });
  const api = `api-${random.between(0, deploymentLimits.apis - 1)}`;
  if (random.chance(0.35)) faults.push({ kind: "api", atMs: random.between(100, 3_000), name: api });
  if (random.chance(0.25)) {
    const atMs = random.between(500, 3_000);
    faults.push({ kind: random.pick(["runner", "stopped runner"]), atMs, name: "runner" });
  }
  if (random.chance(0.1)) faults.push({ kind: "gateway", atMs: random.between(100, 3_000), name: "gateway" });
  if (random.chance(0.2)) faults.push({ kind: "tool", atMs: random.between(800, 3_000) });
  return faults;
}

/** In the order of their times. */
export function planFaults(seed: number, random: Random): Fault[] {
  const faults = processFaults(random);
  for (const kind of ["broker", "database"] as const) {
    const { n, of } = everyNth[kind];
    const fault: Fault = { kind, atMs: random.between(300, 2_000), downMs: random.between(0, 1_500) };
    if (seed % n === of) faults.push(fault);
  }
  return faults.sort((a, b) => a.atMs - b.atMs);
}
