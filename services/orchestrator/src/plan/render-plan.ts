// plan.md: the plan as a person reads it. Rendered from the plan, never read back.
import { findIdleEntries } from "@ossaat/contracts";
import type { SealedPlan, Step } from "@ossaat/contracts";

import { code, inline, labelled, prose } from "./markdown-text.ts";

function list(items: readonly string[]): string {
  return items.map(code).join(", ");
}

/** Entries of an envelope; one that a stored plan has from an earlier version, and that means nothing, says so. */
function granted(entries: readonly string[], idle: ReadonlySet<string>): string {
  return entries.map((entry) => `${code(entry)}${idle.has(entry) ? " (grants nothing)" : ""}`).join(", ");
}

function describeCheck(step: Step): string {
  const check = step.successCheck;
  return check.kind === "command" ? `${code(check.argv.join(" "))} exits 0` : check.kind;
}

function stepLines(step: Step): string[] {
  const timeout = step.timeoutSeconds === 0 ? "default" : `${step.timeoutSeconds} s`;
  const gate = step.approvalRequired ? "approval required" : "auto";
  const { envelope } = step;
  const idle = new Set(findIdleEntries(envelope).map(({ entry }) => entry));
  const details: [string, string][] = [
    ["What", inline(step.summary ?? "")],
    ["Why", inline(step.rationale)],
    ["After", step.needs.join(", ")],
    ["Files", list(step.files)],
    ["May write", list(envelope.paths)],
    ["May run", list(envelope.commands)],
    ["Hosts", granted(envelope.egressHosts, idle)],
    ["Secrets", granted(envelope.secrets, idle)],
    ["Done when", describeCheck(step)],
    [
      "Risk",
      step.metadata["riskReason"] === undefined ? step.risk : `${step.risk}: ${inline(step.metadata["riskReason"])}`,
    ],
    ["Protected files", inline(step.metadata["protectedPaths"] ?? "")],
  ];
  return [
    `- **${step.id}** ${inline(step.title)} — ${step.action}, ${inline(step.capabilityLabel)}, tool ${code(step.tool)}, timeout ${timeout}, ${gate}`,
    ...details.filter(([, text]) => text !== "").map(([name, text]) => `  - ${name}: ${text}`),
  ];
}

function budgetLine({ budget }: SealedPlan): string {
  const parts = [
    budget.maxCostUsd === undefined ? undefined : `$${budget.maxCostUsd}`,
    budget.maxTokens === undefined ? undefined : `${budget.maxTokens} tokens`,
    budget.maxMinutes === undefined ? undefined : `${budget.maxMinutes} minutes`,
  ];
  return parts.filter((part) => part !== undefined).join(", ") || "none";
}

function section(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ["", `## ${title}`, "", ...items.map((item) => `- ${inline(item)}`)];
}

/** The text of plan.md. */
export function renderPlan(plan: SealedPlan): string {
  const planner =
    plan.planner === "context"
      ? "context (no model)"
      : inline(`${plan.model?.provider ?? "model"}/${plan.model?.id ?? ""}`);
  return [
    `# Plan ${plan.id}`,
    "",
    labelled("Goal", plan.goal),
    "",
    `Planner: ${planner}. Revision ${plan.revision}, against commit ${plan.repository.commit.slice(0, 12)}.`,
    `Budget: ${budgetLine(plan)}.`,
    "",
    prose(plan.summary),
    "",
    "Steps:",
    "",
    ...plan.steps.flatMap(stepLines),
    ...section("Success criteria", plan.successCriteria),
    ...section("Assumptions", plan.assumptions),
    ...section("Risks", plan.risks),
    "",
    `Plan hash: \`${plan.planHash}\``,
    "",
    `This file is written by ossaat and not read back. To change the plan, edit plan.json and run \`ossaat edit ${plan.id}\`.`,
    "",
  ].join("\n");
}
