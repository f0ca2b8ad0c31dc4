// Takes away one safeguard of a deployment at a time and asks the oracle.
import { rmSync } from "node:fs";
import path from "node:path";

import { createRandom } from "../../packages/testkit/src/chaos/index.ts";
import type { Mutation } from "../../packages/testkit/src/chaos/index.ts";
import type { Finding } from "../../packages/testkit/src/index.ts";
import { Deployment } from "./deployment/deployment.ts";
import { makeChanged, makeServices, servicesOf } from "./deployment/entries.ts";
import { mutationsOf, pauseBeforePublish } from "./deployment/mutations.ts";
import type { DeploymentMutation } from "./deployment/mutations.ts";
import { runPlans } from "./deployment/run-seed.ts";
import { startStack } from "./deployment/stack.ts";
import type { Stack, StackName } from "./deployment/stack.ts";
import { reportMutations } from "./report-mutations.ts";
import type { Verdict } from "./report-mutations.ts";

/** Time in which a plan has to end once nothing disturbs it, ms: one that hangs is found, too. */
const settleMs = 15_000;

type Run = { stack: Stack; folder: string; name: string; one: DeploymentMutation; mutations: readonly Mutation[] };

/** One run of the case on a deployment of its own. */
async function findings({ stack, folder, name, one, mutations }: Run): Promise<Finding[]> {
  const place = path.join(folder, name);
  const pauseFile = path.join(place, "paused");
  const lasting = one.slowed === undefined ? mutations : [...mutations, one.slowed];
  const changes = one.pauses ? [...lasting, pauseBeforePublish(pauseFile)] : lasting;
  const orchestrator = await makeChanged(folder, name, changes);
  const services = servicesOf({ folder, limits: one.limits, orchestrator });
  const deployment = await Deployment.start({ stack, folder: path.join(place, "fleet"), namespace: name, services });
  try {
    const plans = { shapes: [one.shape], random: createRandom(1), key: name, settleMs };
    const run = await runPlans(deployment, plans, (person) => one.disturb({ deployment, person, pauseFile }));
    rmSync(run.folder, { recursive: true, force: true });
    return run.findings;
  } finally {
    await deployment.close();
  }
}

/** @returns exit code */
export async function runDeploymentMutations(name: StackName): Promise<number> {
  const folder = path.resolve(".tools", `chaos-mutations-${name}`);
  rmSync(folder, { recursive: true, force: true });
  await makeServices(folder);
  const stack = await startStack(name);
  const judgeCase = async (one: DeploymentMutation, index: number): Promise<Verdict> => {
    const run = { stack, folder, one };
    const sound = await findings({ ...run, name: `sound-${index}`, mutations: [] });
    const objections = await findings({ ...run, name: `broken-${index}`, mutations: [one.mutation] });
    return { name: one.mutation.name, caughtBy: one.caughtBy, sound, objections };
  };
  try {
    const cases = mutationsOf(name);
    return await reportMutations({ name: `chaos-mutations-${name}`, cases, parallel: 1, judge: judgeCase });
  } finally {
    await stack.remove();
  }
}
