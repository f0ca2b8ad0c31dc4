// The last look before a commit: whatever went wrong earlier, nothing outside what was allowed is committed.
import { AgentError } from "@ossaat/contracts";
import { checkWritePath } from "@ossaat/policy";

import { refusalLimits } from "./limits.ts";

/** @throws AgentError policy_denied naming what is not covered, as far as a message holds it. */
export function requireAllowed(changed: readonly string[], allowed: readonly string[]): void {
  const envelope = { paths: [...allowed] };
  const outside = changed.filter((path) => !checkWritePath(envelope, path).inside);
  if (outside.length === 0) return;
  const named: string[] = [];
  let chars = 0;
  for (const path of outside.sort()) {
    chars += path.length + 2;
    if (chars > refusalLimits.maxNamedChars) break;
    named.push(path);
  }
  const more = named.length < outside.length ? ` and ${outside.length - named.length} more` : "";
  throw new AgentError("policy_denied", `Changed outside the approved paths: ${named.join(", ")}${more}.`, {
    details: { reason: "outside_envelope", paths: named, total: outside.length },
  });
}
