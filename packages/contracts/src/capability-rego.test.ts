import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { capabilityRego } from "./capability-rego.ts";

const checkedIn = new URL("../../../infra/policies/orchestrator/capability_table.rego", import.meta.url);

test("the checked-in capability table of the rules is what the code says", async () => {
  expect(await readFile(checkedIn, "utf8")).toBe(capabilityRego());
});
