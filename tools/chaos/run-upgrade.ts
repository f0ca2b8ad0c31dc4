// Brings a deployment from an earlier revision of this repository to this one while plans run, back, and forward
// again, and asks the oracle. Then the same with a change that no version may make, which must be noticed.
import { rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";

import type { FleetServices } from "../../apps/cli/src/testing/fleet-services.ts";
import { Deployment } from "./deployment/deployment.ts";
import { makeChanged, makeServices, servicesOf } from "./deployment/entries.ts";
import { hastened } from "./deployment/limits.ts";
import { findRevision, makeOlder } from "./deployment/older-version.ts";
import { startStack } from "./deployment/stack.ts";
import type { Stack, StackName } from "./deployment/stack.ts";
import { makeMove, moves, takesAway } from "./deployment/upgrade.ts";
import type { Move, Versions } from "./deployment/upgrade.ts";
import { readStack } from "./stack-option.ts";

/** Time the plans have to end beside a version that must not be, ms. */
const plantedSettleMs = 15_000;

type Way = { stack: Stack; folder: string; namespace: string; versions: Versions };

async function withOlder<T>({ stack, folder, namespace, versions }: Way, work: (deployment: Deployment) => Promise<T>) {
  const place = { stack, folder: path.join(folder, namespace), namespace };
  const deployment = await Deployment.start({ ...place, services: versions.older });
  try {
    return await work(deployment);
  } finally {
    await deployment.close();
  }
}

/** @returns how many moves failed */
function moveAll(way: Way): Promise<number> {
  return withOlder(way, async (deployment) => {
    let failed = 0;
    for (const [index, move] of moves.entries()) {
      const begin = performance.now();
      const { problems, steps } = await makeMove(deployment, way.versions, { move, seed: index + 1 });
      if (problems.length > 0) failed += 1;
      const shares = [...steps]
        .map(([worker, count]) => `${worker} ${count}`)
        .toSorted()
        .join(", ");
      const seconds = ((performance.now() - begin) / 1_000).toFixed(1);
      console.log(`${move.name}: ${problems.length} problems, steps begun: ${shares}; ${seconds} s`);
      for (const problem of problems) console.log(`  ${problem}`);
    }
    return failed;
  });
}

/** @returns whether a change that the older version cannot live with was noticed */
function isNoticed(way: Way): Promise<boolean> {
  const [forward] = moves;
  const planted: Move = { ...(forward as Move), name: "planted", isMixed: true };
  return withOlder(way, async (deployment) => {
    const { problems } = await makeMove(deployment, way.versions, {
      move: planted,
      seed: 1,
      settleMs: plantedSettleMs,
    });
    console.log(`a change that takes away what the older version needs: ${problems[0] ?? "NOT NOTICED"}`);
    return problems.length > 0;
  });
}

async function runUpgrade(name: StackName, from: string): Promise<number> {
  const revision = findRevision(from);
  const older = await makeOlder(".tools/older", revision);
  const folder = path.resolve(".tools", `chaos-upgrade-${name}`);
  rmSync(folder, { recursive: true, force: true });
  await makeServices(folder);
  const of = (orchestrator?: string): FleetServices =>
    servicesOf({ folder, limits: hastened, ...(orchestrator === undefined ? {} : { orchestrator }) });
  const planted = await makeChanged(folder, "planted", takesAway);
  const stack = await startStack(name);
  let failed = 0;
  try {
    const way = { stack, folder };
    failed += await moveAll({ ...way, namespace: "moved", versions: { older, newer: of() } });
    const versions = { older, newer: of(planted) };
    if (!(await isNoticed({ ...way, namespace: "planted-fleet", versions }))) failed += 1;
  } finally {
    await stack.remove();
  }
  console.log(`chaos-upgrade from ${from} on ${name}: ${moves.length + 1 - failed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

const { values } = parseArgs({ options: { stack: { type: "string" }, from: { type: "string" } } });
const stack = readStack(values.stack);
if (stack === undefined || stack === "embedded" || values.from === undefined || values.from === "") {
  console.error("usage: make chaos-upgrade STACK=rabbit|kafka FROM=revision");
  process.exit(2);
}
process.exit(await runUpgrade(stack, values.from));
