// Runs what users report of such platforms on a deployment, in real time, and asks the oracle.
import { rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";

import { createRandom } from "../../packages/testkit/src/chaos/index.ts";
import { describeFinding } from "../../packages/testkit/src/index.ts";
import { Deployment } from "./deployment/deployment.ts";
import { makeServices, servicesOf } from "./deployment/entries.ts";
import { hastened } from "./deployment/limits.ts";
import { runPlans } from "./deployment/run-seed.ts";
import { scenariosOf } from "./deployment/scenarios.ts";
import type { Scenario } from "./deployment/scenarios.ts";
import { startStack } from "./deployment/stack.ts";
import type { StackName } from "./deployment/stack.ts";
import { readStack } from "./stack-option.ts";

async function play(deployment: Deployment, { name, shape, isAway = false, act }: Scenario): Promise<string[]> {
  let isThere = !isAway;
  const plans = { shapes: [shape], random: createRandom(1), key: name, isThere: () => isThere };
  const problems: string[] = [];
  const { findings, folder } = await runPlans(deployment, plans, async (person) => {
    await act({ deployment, person, comeBack: () => (isThere = true) }).catch((error: unknown) =>
      problems.push(String(error)),
    );
    isThere = true;
  });
  return [...problems, ...findings.map((finding) => `${describeFinding(finding)} (${folder})`)];
}

async function runScenarios(name: StackName): Promise<number> {
  const folder = path.resolve(".tools", `chaos-scenarios-${name}`);
  rmSync(folder, { recursive: true, force: true });
  await makeServices(folder);
  const stack = await startStack(name);
  const scenarios = scenariosOf(name);
  let failed = 0;
  try {
    const services = servicesOf({ folder, limits: hastened });
    const place = { stack, folder: path.join(folder, "fleet"), namespace: "chaos" };
    const deployment = await Deployment.start({ ...place, services });
    for (const scenario of scenarios) {
      const begin = performance.now();
      const problems = await play(deployment, scenario);
      problems.push(...deployment.problems.splice(0));
      if (problems.length > 0) failed += 1;
      const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
      console.log(`${scenario.name}: ${problems.length} problems, ${seconds} s`);
      for (const problem of problems) console.log(`  ${problem}`);
    }
    await deployment.close();
  } finally {
    await stack.remove();
  }
  console.log(`chaos-scenarios on ${name}: ${scenarios.length - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

const { values } = parseArgs({ options: { stack: { type: "string" } } });
const stack = readStack(values.stack);
if (stack === undefined || stack === "embedded") {
  console.error("usage: make chaos-scenarios STACK=rabbit|kafka");
  process.exit(2);
}
process.exit(await runScenarios(stack));
