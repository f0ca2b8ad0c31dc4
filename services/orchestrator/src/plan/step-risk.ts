// The risk of a planned step by rule: what it may write and run decides, and the planner's word
// counts only when it is higher.
import type { Risk, Step } from "@ossaat/contracts";
import { classifyRisk, isProtectedPath } from "@ossaat/policy";
import type { RiskLevel } from "@ossaat/policy";

import { planFeatureLimits } from "./limits.ts";

const order: readonly Risk[] = ["low", "medium", "high"];
const low: RiskLevel = { risk: "low", why: "" };

function higher(a: RiskLevel, b: RiskLevel): RiskLevel {
  return order.indexOf(b.risk) > order.indexOf(a.risk) ? b : a;
}

function pathRisk(path: string): RiskLevel {
  if (/^[*?{[!]/u.test(path)) return { risk: "medium", why: `${path} reaches over the whole repository` };
  return classifyRisk({ tool: "edit_file", input: { path, oldText: " ", newText: "" } });
}

function commandRisk(command: string): RiskLevel {
  return classifyRisk({ tool: "run_command", input: { argv: command.split(/\s+/u).filter((word) => word !== "") } });
}

function countRisk(paths: readonly string[]): RiskLevel {
  const { manyPaths } = planFeatureLimits;
  if (paths.length <= manyPaths) return low;
  return { risk: "medium", why: `may write more than ${manyPaths} files or patterns` };
}

function networkRisk({ egressHosts, secrets }: Step["envelope"]): RiskLevel[] {
  if (egressHosts.length === 0) return [];
  if (secrets.length > 0) return [{ risk: "high", why: `uses the secrets ${secrets.join(", ")} on the network` }];
  return [{ risk: "medium", why: `may send what it reads to ${egressHosts.join(", ")}` }];
}

/** The step with the higher of its own risk and the rule's; `metadata` says why and names protected files. */
export function withRuleRisk<S extends Pick<Step, "risk" | "envelope" | "metadata">>(step: S): S {
  const { paths, commands } = step.envelope;
  const levels = [
    ...paths.map(pathRisk),
    countRisk(paths),
    ...commands.map(commandRisk),
    ...networkRisk(step.envelope),
  ];
  const rule = levels.reduce(higher, low);
  const protectedPaths = paths.filter(isProtectedPath);
  const { riskReason: _reason, protectedPaths: _paths, ...metadata } = step.metadata;
  return {
    ...step,
    risk: higher({ risk: step.risk, why: "" }, rule).risk,
    metadata: {
      ...metadata,
      ...(rule.risk === "low" ? {} : { riskReason: rule.why }),
      ...(protectedPaths.length === 0 ? {} : { protectedPaths: protectedPaths.join(", ") }),
    },
  };
}
