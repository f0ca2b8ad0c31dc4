// A plan as text for a terminal.
import { findIdleEntries } from "@ossaat/contracts";
import type { Plan, PlanState, Step } from "@ossaat/contracts";

import { escapeExact, escapeLine, escapeText, goalLine } from "./escape.ts";
import type { Style } from "./style.ts";
import { wrapWords } from "./wrap-words.ts";

/** Commands: they are copied, so no line break is put into them. */
const copied: ReadonlySet<string> = new Set(["run  ", "done "]);

function stepText(step: Step, style: Style): string[] {
  const lines = [
    `  ${style.paint("bold", escapeLine(step.id))}  ${escapeLine(step.title)}`,
    `      ${escapeLine(step.agent)}, ${step.action}${step.needs.length === 0 ? "" : `, after ${step.needs.join(", ")}`}${step.approvalRequired ? ", asks again before it starts" : ""}`,
  ];
  const add = (name: string, items: readonly string[]) => {
    if (items.length === 0) return;
    const line = `      ${style.paint("dim", name)} ${items.map(escapeExact).join(", ")}`;
    lines.push(...(copied.has(name) ? [line] : wrapWords(line, { columns: style.columns, indent: 12 })));
  };
  if (step.summary !== undefined && step.summary !== step.title) add("what ", [step.summary]);
  if (step.rationale !== "") add("why  ", [step.rationale]);
  add("files", step.files);
  if (step.action !== "merge") add("write", step.envelope.paths);
  add("run  ", step.envelope.commands);
  const idle = new Set(findIdleEntries(step.envelope).map(({ entry }) => entry));
  const granted = (entries: readonly string[]) =>
    entries.map((entry) => (idle.has(entry) ? `${entry} (grants nothing)` : entry));
  add("hosts", granted(step.envelope.egressHosts));
  add("keys ", granted(step.envelope.secrets));
  if (step.successCheck.kind === "command") add("done ", [`${step.successCheck.argv.join(" ")} exits 0`]);
  return lines;
}

function list(title: string, items: readonly string[], style: Style): string[] {
  const lines = items.flatMap((item) => wrapWords(`  - ${escapeLine(item)}`, { columns: style.columns, indent: 4 }));
  return items.length === 0 ? [] : ["", style.paint("bold", title), ...lines];
}

function plannerText(plan: Plan, state: PlanState): string {
  if (plan.planner === "context") return "context (no model)";
  const name = `${plan.model?.provider ?? ""}/${plan.model?.id ?? ""}`;
  return state.scripted ? `${name} — SCRIPTED replies` : name;
}

function budgetText({ budget }: Plan): string {
  const parts = [
    ...(budget.maxCostUsd === undefined ? [] : [`$${budget.maxCostUsd}`]),
    ...(budget.maxTokens === undefined ? [] : [`${budget.maxTokens.toLocaleString("en")} tokens`]),
    ...(budget.maxMinutes === undefined ? [] : [`${budget.maxMinutes} min`]),
  ];
  return parts.length === 0 ? "none" : `at most ${parts.join(", ")}`;
}

/** The whole plan, for reading before a decision. */
export function renderPlanText(state: PlanState, style: Style): string {
  const { plan } = state;
  if (plan === undefined) return `${style.paint("bold", state.id)}  ${style.status(state.status)}`;
  const { repository } = state;
  const dirty = repository.dirtyPaths === 0 ? "" : ` (${repository.dirtyPaths} uncommitted paths are not part of it)`;
  return [
    `${style.paint("bold", `Plan ${plan.id}`)}  revision ${plan.revision}  ${style.status(state.status)}`,
    ...wrapWords(`Goal     ${goalLine(plan.goal)}`, { columns: style.columns, indent: 9 }),
    `Planner  ${escapeLine(plannerText(plan, state))}`,
    `Base     ${escapeLine(repository.branch ?? "detached")} @ ${plan.repository.commit.slice(0, 12)}${dirty}`,
    `Budget   ${budgetText(plan)}`,
    ...(state.priority === undefined || state.priority === "normal" ? [] : [`Priority ${state.priority}`]),
    "",
    ...escapeText(plan.summary)
      .split("\n")
      .flatMap((line) => wrapWords(line, { columns: style.columns, indent: 0 })),
    "",
    style.paint("bold", `Steps (${plan.steps.length})`),
    ...plan.steps.flatMap((step) => stepText(step, style)),
    ...list("Done when", plan.successCriteria, style),
    ...list("Assumptions", plan.assumptions, style),
    ...list("Risks", plan.risks, style),
    "",
    `Hash     ${state.planHash ?? ""}`,
  ].join("\n");
}
