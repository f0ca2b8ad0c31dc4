// Runs seeds of plans whose processes are killed at moments that the seed decides, and judges what is left
// of each. Prints a line for each violation, with the seed that repeats it, and ends with the count. Fails
// on a violation, and when fewer seeds ran than asked.
import { parseArgs } from "node:util";

import { runOnDeployment } from "./run-deployment.ts";
import { runEmbedded } from "./run-embedded.ts";
import { readStack } from "./stack-option.ts";

const usualSeeds = 1_000;

const { values } = parseArgs({
  options: { stack: { type: "string" }, seeds: { type: "string" }, seed: { type: "string" } },
});
const isGiven = (value: string | undefined): value is string => value !== undefined && value !== "";
const stack = readStack(values.stack);
const isOne = isGiven(values.seed);
const first = isOne ? Number(values.seed) : 1;
const count = isGiven(values.seeds) ? Number(values.seeds) : isOne ? 1 : usualSeeds;
if (stack === undefined || !Number.isInteger(first) || !Number.isInteger(count) || count < 1) {
  console.error("usage: make chaos [STACK=embedded|rabbit|kafka] [SEEDS=1000] [SEED=first]");
  process.exit(2);
}
const seeds = { first, count };
process.exit(await (stack === "embedded" ? runEmbedded(seeds) : runOnDeployment({ stack, ...seeds })));
