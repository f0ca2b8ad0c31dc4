// Writes the capability table that the rules in `infra/policies` read. Run `make policy` afterwards:
// the compiled rules hold it.
import { writeFile } from "node:fs/promises";

import { capabilityRego } from "../src/capability-rego.ts";

await writeFile(
  new URL("../../../infra/policies/orchestrator/capability_table.rego", import.meta.url),
  capabilityRego(),
);
