// One seed on a deployment: its plans, what is killed while they run, and what the oracle says of them.
import { setTimeout as sleep } from "node:timers/promises";

import {
  Person,
  commandLine,
  createRandom,
  createWorld,
  descendants,
  isCleared,
  judgeDeployment,
  randomShape,
  writeScript,
} from "../../../packages/testkit/src/chaos/index.ts";
import type { PlanShape, Random, World } from "../../../packages/testkit/src/chaos/index.ts";
import type { Finding } from "../../../packages/testkit/src/index.ts";
import type { Deployment } from "./deployment.ts";
import { deploymentLimits as limits } from "./limits.ts";
import { planFaults } from "./seed-faults.ts";
import type { Fault } from "./seed-faults.ts";

export type SeedRun = {
  seed: number;
  findings: Finding[];
  /** What was killed, in order. */
  killed: Fault["kind"][];
  seconds: number;
  /** Files of the plans, kept when something was found. */
  folder: string;
};

function problem(message: string): Finding {
  return { invariant: "I1", planId: "run", message };
}

/** Resolves when it is so, at `end` at the latest. */
async function until(isSo: () => boolean | Promise<boolean>, end: number): Promise<void> {
  while (Date.now() < end && !(await isSo())) await sleep(limits.lookMs);
}

/** A process that a tool runs at this moment, if there is one. */
function findTool(deployment: Deployment): number | undefined {
  const { pid } = deployment.member("runner");
  return pid === undefined ? undefined : descendants(pid).find((each) => commandLine(each).includes("effect"));
}

/** @returns whether there was one */
function killTool(deployment: Deployment): boolean {
  const first = findTool(deployment);
  if (first === undefined) return false;
  try {
    process.kill(first, "SIGKILL");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    return false;
  }
}

async function happen(deployment: Deployment, fault: Fault, isDone: () => boolean): Promise<boolean> {
  switch (fault.kind) {
    case "tool": {
      while (!isDone()) {
        if (killTool(deployment)) return true;
        await sleep(limits.lookMs);
      }
      return false;
    }
    case "broker":
    case "database":
      await deployment.outage(fault.kind, fault.downMs);
      return true;
    case "stopped runner":
      // In a call, because it is what a stop must not end as if it were a result.
      await deployment.stop(fault.name, () => isDone() || findTool(deployment) !== undefined);
      return true;
    default:
      await deployment.kill(fault.name);
      return true;
  }
}

export type DeploymentPlans = {
  shapes: readonly PlanShape[];
  random: Random;
  /** Tells goals of these plans from those of others. */
  key: string;
  /** Time the plans have to end when nothing disturbs them any more, ms. */
  settleMs?: number;
  /** Whether the person answers now what a running plan asks; absent = at once. */
  isThere?: () => boolean;
};

/** Runs plans to their end while `disturb` does what it does, and judges them. Removes the world when nothing was found. */
export async function runPlans(
  deployment: Deployment,
  { shapes, random, key, settleMs = limits.settleMs, isThere }: DeploymentPlans,
  disturb: (person: Person) => Promise<void>,
): Promise<{ findings: Finding[]; folder: string }> {
  const world = createWorld();
  const findings: Finding[] = [];
  const model = world.writeModel(writeScript(shapes, { effectLog: world.effectLog, random }));
  const person = new Person({
    repository: world.repository,
    model,
    address: () => deployment.address(),
    ...(isThere === undefined ? {} : { isThere }),
  });
  const submitted = Promise.all(shapes.map((shape, index) => person.submit(shape, `${key}-goal-${index}`)))
    .then(() => true)
    .catch((error: unknown) => findings.push(problem(`a goal was not taken: ${String(error)}`)) === 0);
  await disturb(person);
  const end = Date.now() + settleMs;
  const isTaken = await Promise.race([submitted, sleep(settleMs, false)]);
  if (isTaken) await until(() => person.isDone() || person.hasGivenUp(), end);
  const isEnded = isTaken && person.isDone();
  if (!isEnded) findings.push(...person.describe().map((text) => problem(`does not end: ${text}`)));
  if (!isTaken && person.ends().length === 0) findings.push(problem("no goal was taken"));
  findings.push(...(await judgeEnded(deployment, person, { world, isEnded })));
  if (findings.length === 0) world.remove();
  return { findings, folder: world.folder };
}

async function judgeEnded(
  deployment: Deployment,
  person: Person,
  { world, isEnded }: { world: World; isEnded: boolean },
): Promise<Finding[]> {
  const rows = await deployment.query("select id from plan where repository_path = ?", [world.repository]);
  const planIds = rows.map((row) => String(row["id"]));
  if (isEnded) await until(() => isCleared(deployment, planIds), Date.now() + limits.afterEndMs);
  const met = await person.leave();
  const { query, folder, downtimes } = deployment;
  const judged = await judgeDeployment({
    world,
    query,
    folder,
    requests: deployment.requests(),
    planIds,
    shapeOf: (planId) => person.shapeOf(planId),
    captures: (planId) => person.captures(planId),
    downtimes,
  });
  return [...met.map((message) => problem(`a person met: ${message}`)), ...judged];
}

/** Runs one seed. */
export async function runDeploymentSeed(deployment: Deployment, seed: number): Promise<SeedRun> {
  const began = Date.now();
  const random = createRandom(seed);
  const shapes = Array.from({ length: random.chance(0.7) ? 1 : 2 }, (_, index) => randomShape(`p${index}`, random));
  const faults = planFaults(seed, random);
  const killed: Fault["kind"][] = [];
  const disturb = async (person: Person): Promise<void> => {
    for (const fault of faults) {
      while (Date.now() - began < fault.atMs && !person.isDone()) await sleep(limits.lookMs);
      if (person.isDone()) return;
      if (await happen(deployment, fault, () => person.isDone())) killed.push(fault.kind);
    }
  };
  const { findings, folder } = await runPlans(deployment, { shapes, random, key: `seed-${seed}` }, disturb);
  return { seed, findings, killed, seconds: (Date.now() - began) / 1_000, folder };
}
