// The capability table as Rego, so that rules and code share one source. Written to
// `infra/policies` and checked in; this module is no part of the running product.
import { capabilityTable } from "./capability.ts";

export function capabilityRego(): string {
  const rows = Object.entries(capabilityTable).map(([name, { defaultRule }]) => `\t"${name}": "${defaultRule}",`);
  return [
    "# Generated from packages/contracts/src/capability.ts by `make gen`; do not edit.",
    "package orchestrator.capability_table",
    "",
    "default_rule := {",
    ...rows,
    "}",
    "",
  ].join("\n");
}
