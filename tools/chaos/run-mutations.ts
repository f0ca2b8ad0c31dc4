// Takes away one safeguard at a time and asks the oracle, which must object. The same run with the
// safeguard must hold, or the objection would mean nothing.
import { parseArgs } from "node:util";

import { runDeploymentMutations } from "./run-deployment-mutations.ts";
import { runEmbeddedMutations } from "./run-embedded-mutations.ts";
import { readStack } from "./stack-option.ts";

const { values } = parseArgs({ options: { stack: { type: "string" } } });
const stack = readStack(values.stack);
if (stack === undefined) {
  console.error("usage: make chaos-mutations [STACK=embedded|rabbit|kafka]");
  process.exit(2);
}
process.exit(await (stack === "embedded" ? runEmbeddedMutations() : runDeploymentMutations(stack)));
