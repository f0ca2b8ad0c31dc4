// How a run ended, in a few lines, with the commands that come next.
import type { PlanState, TestReport } from "@ossaat/contracts";

import { isParked } from "../exit-code.ts";
import { escapeExact, escapeLine, escapeText, goalLine } from "./escape.ts";
import { formatCost, formatSeconds, formatTokens } from "./format-figures.ts";
import { clip } from "./render-run.ts";
import type { Style } from "./style.ts";

/** Lines of a plan's message that are shown; `ossaat show --json` has them all. */
const maxMessageLines = 5;

function testsText({ steps }: PlanState): string[] {
  const reports = steps.flatMap(({ result }) => (result?.tests === undefined ? [] : [result.tests]));
  const last = reports.at(-1) as Partial<TestReport> | undefined;
  if (last?.status === undefined) return [];
  const known = last.failedBefore ?? [];
  const before = known.length === 0 ? "" : `; before the plan as well: ${known.join(", ")}`;
  const counts = `${last.passed ?? "?"} passed, ${last.failed ?? "?"} failed`;
  return [escapeLine(`Tests     ${last.status}: ${counts} (${last.runner ?? "?"})${before}`)];
}

function findingsText({ steps }: PlanState): string[] {
  return steps
    .flatMap(({ result }) => result?.findings ?? [])
    .map((finding) => {
      const line = finding.line === undefined ? "" : `:${finding.line}`;
      const place = finding.path === undefined ? "" : ` ${finding.path}${line}`;
      return escapeLine(`Finding   ${finding.severity}${place}: ${finding.message}`);
    });
}

/** The flag that gives a retry more of what this run had too little of. */
function widerLimit({ reason, budget }: PlanState): string {
  if (reason === "timeout" && budget.maxMinutes !== undefined) return " --max-minutes MINUTES";
  return reason === "budget" ? " --max-cost USD --max-tokens TOKENS" : "";
}

function nextText(state: PlanState): string[] {
  const { id, status } = state;
  if (status === "succeeded") {
    return [`Next      ossaat diff ${id}`, `          ossaat apply ${id}`, `Undo      ossaat undo ${id}`];
  }
  if (status === "failed" || status === "cancelled") {
    return [`Next      ossaat logs ${id}`, `          ossaat retry ${id}${widerLimit(state)}`];
  }
  const asked = state.approvals.find((approval) => approval.status === "pending");
  if (asked !== undefined) {
    return [
      `Next      ossaat show ${asked.approvalId}`,
      `          ossaat approve ${asked.approvalId}`,
      `          ossaat deny ${asked.approvalId}`,
    ];
  }
  if (status === "paused") return [`Next      ossaat resume ${id}`];
  return [`Next      ossaat show ${id}`];
}

/** The beginning of a message that quotes a whole log. */
function clipLines(text: string): string {
  const lines = text.split("\n");
  const shown = lines.slice(0, maxMessageLines).map((line) => clip(line, 300));
  return [...shown, ...(lines.length > shown.length ? ["…"] : [])].join("\n          ");
}

/** The closing summary of a run, with the next commands unless they are not wanted. */
export function renderEnd(state: PlanState, style: Style, { next = true }: { next?: boolean } = {}): string {
  const end = state.finishedAt === undefined ? Date.now() : Date.parse(state.finishedAt);
  const { spend } = state;
  const why = state.message === undefined ? "" : `: ${escapeText(clipLines(state.message))}`;
  const denials = state.approvals.filter(({ status }) => status === "denied" || status === "expired");
  const isOver = state.finishedAt !== undefined;
  const status = isParked(state) && state.status !== "paused" ? "awaiting_approval" : state.status;
  return [
    `${style.status(status)}  ${style.paint("bold", goalLine(state.goal))}${why}`,
    `Plan      ${state.id}`,
    ...(state.branch === undefined ? [] : [`Branch    ${state.branch} @ ${state.commit?.slice(0, 12) ?? ""}`]),
    ...testsText(state),
    ...findingsText(state),
    ...denials.map((denied) => `Denied    ${escapeExact(denied.title)}`),
    `Spent     ${formatSeconds(end - Date.parse(state.createdAt))}, ${formatTokens(spend.inputTokens)} tokens in, ${formatTokens(spend.outputTokens)} out, ${formatCost(spend)}`,
    ...(state.budget.maxCostUsd !== undefined && spend.unknownCostTurns > 0
      ? [style.paint("yellow", "Cost cap  not enforced for turns whose price is unknown; --max-tokens caps them")]
      : []),
    ...(state.scripted
      ? [style.paint("yellow", "Model     SCRIPTED: the replies were recorded, no model was asked")]
      : []),
    ...(state.sandbox === "none" ? [style.paint("yellow", "Isolation NONE: --dangerously-no-sandbox")] : []),
    ...(isOver && state.evidenceRef !== undefined
      ? [`Evidence  ${state.repository.path}/.plans/${state.id}/evidence.md`]
      : []),
    ...(next ? nextText(state) : []),
  ].join("\n");
}
