// How a deployment is brought from one version to another while plans run, and back.
import { setTimeout as sleep } from "node:timers/promises";

import type { FleetServices } from "../../../apps/cli/src/testing/fleet-services.ts";
import { createRandom, randomShape } from "../../../packages/testkit/src/chaos/index.ts";
import type { Mutation, Person } from "../../../packages/testkit/src/chaos/index.ts";
import { describeFinding } from "../../../packages/testkit/src/index.ts";
import type { Deployment } from "./deployment.ts";
import { deploymentLimits as limits } from "./limits.ts";
import { runPlans } from "./run-seed.ts";

export type Versions = { older: FleetServices; newer: FleetServices };

export type Move = {
  name: string;
  /** Whether steps must run on both versions, or nothing was shown. */
  isMixed: boolean;
  act: (deployment: Deployment, versions: Versions) => Promise<void>;
};

/** Of each kind one, so that each version talks to the other over every boundary. */
const half = ["api-0", "worker-0", "runner"];
const rest = ["api-1", "worker-1", "indexer", "gateway"];

const sizes = {
  /** Plans of a move. */
  plans: 8,
  /** Pause before a move begins, ms: its plans are under way by then. */
  headMs: 1_500,
} as const;

async function killInTurn(deployment: Deployment): Promise<void> {
  for (const name of ["worker-1", "api-0", "worker-0", "api-1"]) await deployment.kill(name);
}

/** In this order; each goes on from where the one before ended. */
export const moves: readonly Move[] = [
  { name: "half forward", isMixed: false, act: (deployment, { newer }) => deployment.roll(half, newer) },
  { name: "side by side, killed in turn", isMixed: true, act: killInTurn },
  { name: "the rest forward", isMixed: false, act: (deployment, { newer }) => deployment.roll(rest, newer) },
  { name: "half back", isMixed: false, act: (deployment, { older }) => deployment.roll(half, older) },
  { name: "side by side after the way back, killed in turn", isMixed: true, act: killInTurn },
  { name: "the rest back", isMixed: false, act: (deployment, { older }) => deployment.roll(rest, older) },
  {
    name: "all forward again",
    isMixed: false,
    act: (deployment, { newer }) => deployment.roll([...half, ...rest], newer),
  },
];

/** A newer version that takes something away which the older one needs: it must show when half is brought to it. */
export const takesAway: readonly Mutation[] = [
  {
    name: "a column that only the newer version fills",
    file: "services/orchestrator/src/store/migrate.ts",
    find: "export const migrationNames",
    replace: `migrations["9990-planted"] = {
  async up(db) {
    await sql\`alter table attempt add column build text not null default 'before'\`.execute(db);
    await sql\`alter table attempt alter column build drop default\`.execute(db);
  },
};
export const migrationNames`,
  },
  {
    name: "and fills it",
    file: "services/orchestrator/src/job/claim-step.ts",
    find: "      traceparent: slots.traceparent,\n    }),",
    replace: '      traceparent: slots.traceparent,\n      build: "newer",\n    }),',
  },
];

/** How many steps each worker began. */
function stepsByWorker(person: Person): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { id } of person.ends()) {
    for (const event of person.captures(id)[0]?.events ?? []) {
      if (event.type !== "step.started") continue;
      counts.set(event.data.worker, (counts.get(event.data.worker) ?? 0) + 1);
    }
  }
  return counts;
}

export type Moved = { problems: string[]; steps: ReadonlyMap<string, number> };

/** Runs plans across a move. @param seed of the plans @param settleMs time the plans have to end after it, ms */
export async function makeMove(
  deployment: Deployment,
  versions: Versions,
  { move, seed, settleMs = limits.settleMs }: { move: Move; seed: number; settleMs?: number },
): Promise<Moved> {
  const random = createRandom(seed);
  const shapes = Array.from({ length: sizes.plans }, (_, index) => randomShape(`p${index}`, random));
  const plans = { shapes, random, key: `move-${seed}`, settleMs };
  let met: Person | undefined;
  const { findings, folder } = await runPlans(deployment, plans, async (person) => {
    met = person;
    await sleep(sizes.headMs);
    await move.act(deployment, versions);
  });
  const steps = met === undefined ? new Map<string, number>() : stepsByWorker(met);
  const problems = findings.map((finding) => `${describeFinding(finding)} (${folder})`);
  const idle = ["worker-w0", "worker-w1"].filter((worker) => !steps.has(worker));
  if (move.isMixed) problems.push(...idle.map((worker) => `${worker} began no step`));
  problems.push(...deployment.problems.splice(0));
  return { problems, steps };
}
