// Takes away one safeguard of the engine at a time and asks the oracle, which must object. The
// same run with the engine as it is must hold, or the objection would mean nothing.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

import { createRandom, createWorld, runLives } from "../../packages/testkit/src/chaos/index.ts";
import type { ServerEntry } from "../../packages/testkit/src/chaos/index.ts";
import { describeFinding } from "../../packages/testkit/src/index.ts";
import type { Finding } from "../../packages/testkit/src/index.ts";
import { mutationCases } from "./mutations.ts";
import type { MutationCase } from "./mutations.ts";
import { makeEntries } from "./server-entries.ts";

/** Time in which a plan without a safeguard has to end, ms: one that hangs is found, too. */
const settleMs = 15_000;

const folder = path.resolve(".tools/chaos-mutations");
rmSync(folder, { recursive: true, force: true });

async function findings(entry: ServerEntry, one: MutationCase): Promise<Finding[]> {
  const world = createWorld();
  const { shape, lives, limits, finalClockOffsetMs = 0 } = one;
  const random = createRandom(1);
  const shapes = [shape];
  const result = await runLives({ world, random, shapes, lives, entry, limits, finalClockOffsetMs, settleMs });
  world.remove();
  return result.findings;
}

const whole = await makeEntries(path.join(folder, "whole"));
let caught = 0;
for (const [index, one] of mutationCases.entries()) {
  const { name } = one.mutation;
  const sound = await findings(whole.server, one);
  const { server } = await makeEntries(path.join(folder, String(index)), one.mutation);
  const objections = await findings(server, one);
  const expected = objections.find(({ invariant }) => invariant === one.caughtBy);
  if (sound.length > 0) {
    console.log(`${name}: the run does not hold with the engine as it is: ${sound.map(describeFinding).join("; ")}`);
  } else if (expected === undefined) {
    console.log(`${name}: SURVIVED ${one.caughtBy}; ${objections.map(describeFinding).join("; ")}`);
  } else {
    caught += 1;
    console.log(`${name}: caught, ${objections.length} objections, among them ${describeFinding(expected)}`);
  }
}
const failed = mutationCases.length - caught;
mkdirSync(".tools/reports", { recursive: true });
writeFileSync(".tools/reports/chaos-mutations.json", `${JSON.stringify({ passed: caught, failed })}\n`);
console.log(`chaos-mutations: ${caught} caught, ${failed} not`);
process.exit(failed === 0 ? 0 : 1);
