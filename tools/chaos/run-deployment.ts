// Chaos on a deployment: PostgreSQL, a broker and the processes of a fleet start once, many seeds run on them.
import path from "node:path";
import { rmSync } from "node:fs";

import { describeFinding } from "../../packages/testkit/src/index.ts";
import { Deployment } from "./deployment/deployment.ts";
import { makeServices, servicesOf } from "./deployment/entries.ts";
import { deploymentLimits, hastened } from "./deployment/limits.ts";
import { runDeploymentSeed } from "./deployment/run-seed.ts";
import type { SeedRun } from "./deployment/run-seed.ts";
import type { Fault } from "./deployment/seed-faults.ts";
import { startStack } from "./deployment/stack.ts";
import type { StackName } from "./deployment/stack.ts";
import { reportChaos } from "./report-chaos.ts";

/** Least kills of each kind, as a part of the seeds. */
const leastKills = {
  worker: 0.6,
  api: 0.1,
  runner: 0.03,
  "stopped runner": 0.03,
  tool: 0.03,
  broker: 0.03,
  database: 0.04,
};

const kinds: readonly Fault["kind"][] = [
  "worker",
  "api",
  "gateway",
  "runner",
  "stopped runner",
  "tool",
  "broker",
  "database",
];

export type DeploymentRun = { stack: StackName; first: number; count: number };

function describe({ seed, findings, killed, seconds }: SeedRun): string {
  const kills = killed.length === 0 ? "nothing" : killed.join(", ");
  return `seed ${seed}: killed ${kills}; ${findings.length} violations, ${seconds.toFixed(1)} s`;
}

/** What became of the seeds so far. */
class Results {
  readonly runs: SeedRun[] = [];
  readonly problems: string[] = [];
  broken = 0;
  readonly #stack: StackName;

  constructor(stack: StackName) {
    this.#stack = stack;
  }

  #say(text: string): void {
    this.problems.push(text);
    console.log(text);
  }

  add(run: SeedRun): void {
    this.runs.push(run);
    console.log(describe(run));
    for (const finding of run.findings) {
      this.#say(`violation: seed ${run.seed}: ${describeFinding(finding)} (${this.#repeat(run.seed)}; ${run.folder})`);
    }
  }

  addBroken(text: string, seed?: number): void {
    this.broken += 1;
    this.#say(seed === undefined ? `violation: ${text}` : `seed ${seed} did not run: ${text} (${this.#repeat(seed)})`);
  }

  #repeat(seed: number): string {
    return `make chaos STACK=${this.#stack} SEED=${seed}`;
  }
}

async function runSeeds(deployment: Deployment, { first, count }: DeploymentRun, results: Results): Promise<void> {
  let next = first;
  const work = async (): Promise<void> => {
    for (let seed = next++; seed < first + count; seed = next++) {
      try {
        results.add(await runDeploymentSeed(deployment, seed));
      } catch (error) {
        results.addBroken(error instanceof Error ? (error.stack ?? error.message) : String(error), seed);
      }
    }
  };
  await Promise.all(Array.from({ length: deploymentLimits.parallel }, work));
}

/** Runs the seeds. @returns exit code */
export async function runOnDeployment(run: DeploymentRun): Promise<number> {
  const { stack: name, count: asked } = run;
  const folder = path.resolve(".tools", `chaos-${name}`);
  rmSync(folder, { recursive: true, force: true });
  await makeServices(folder);
  const results = new Results(name);
  const stack = await startStack(name);
  try {
    const services = servicesOf({ folder, limits: hastened });
    const place = { stack, folder: path.join(folder, "fleet"), namespace: "chaos" };
    const deployment = await Deployment.start({ ...place, services });
    const begin = performance.now();
    await runSeeds(deployment, run, results);
    const seconds = (performance.now() - begin) / 1_000;
    console.log(`${asked} seeds in ${seconds.toFixed(1)} s, ${(seconds / asked).toFixed(2)} s a seed`);
    for (const text of deployment.problems) results.addBroken(text);
    await deployment.close();
  } finally {
    await stack.remove();
  }
  const { runs, broken, problems } = results;
  const all = runs.flatMap(({ killed }) => killed);
  const killed = Object.fromEntries(kinds.map((kind) => [kind, all.filter((each) => each === kind).length]));
  return reportChaos({ name: `chaos-${name}`, asked, runs, broken, killed, leastKills, problems });
}
