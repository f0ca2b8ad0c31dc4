// Turns what refused a call, or a part of it, into the facts an audit keeps.
import { boundDenials } from "@ossaat/contracts";
import type { AgentError, Denial } from "@ossaat/contracts";

import type { SandboxResult } from "../sandbox/sandbox.ts";

const grantRules: ReadonlySet<string> = new Set(["grant_mismatch", "grant_expired", "other_plan"]);
const treeRules: ReadonlySet<string> = new Set(["entries", "disk", "files"]);
const fileRules: ReadonlySet<string> = new Set(["link", "special_file"]);

/** The refusal an error tells of; undefined for a call that merely failed. */
export function refusalOf({ code, message, details }: AgentError): Denial | undefined {
  const rule = typeof details["reason"] === "string" ? details["reason"] : undefined;
  if (code === "policy_denied") {
    return {
      layer: rule !== undefined && grantRules.has(rule) ? "grant" : "envelope",
      rule: rule ?? "capability",
      what: message,
    };
  }
  if (code === "invalid_input" && rule !== undefined && fileRules.has(rule))
    return { layer: "files", rule, what: message };
  return code === "limit_exceeded" && treeRules.has(rule ?? "")
    ? { layer: "limit", rule: rule ?? "", what: message }
    : undefined;
}

/** Bounds of the box that ended or held a run. */
export function limitDenials({ timedOut, limitHit }: SandboxResult, program: string): Denial[] {
  const rules = [...(timedOut ? ["time"] : []), ...(limitHit === undefined ? [] : [limitHit])];
  return rules.map((rule) => ({ layer: "limit", rule, what: program }));
}

/** As a field of a result or of an error's details; nothing when nothing was refused. */
export function denialField(denials: readonly Denial[]): { denials?: Denial[] } {
  return denials.length === 0 ? {} : { denials: boundDenials(denials) };
}
