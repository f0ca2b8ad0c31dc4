// The card a person decides on: what exactly, how risky, how far it reaches, who asks.
import { countOf } from "@ossaat/contracts";
import type { ApprovalState, ExplainedEntry, PlanState } from "@ossaat/contracts";

import { quoteWord } from "./command-line.ts";
import { escapeExact, escapeLine, escapeLookAlikes, escapeText, goalLine } from "./escape.ts";
import { formatCost, formatTokens } from "./format-figures.ts";
import type { Style } from "./style.ts";
import { wrapWords } from "./wrap-words.ts";

type StepInQuestion = NonNullable<ApprovalState["step"]>;

function checkText({ successCheck }: StepInQuestion): string {
  switch (successCheck.kind) {
    case "command":
      return `$ ${escapeExact(successCheck.argv.map(quoteWord).join(" "))} exits 0`;
    case "tests":
      return "the project's tests pass";
    case "changes":
      return "it changed a file";
    case "report":
      return "it filed a report";
    case "merged":
      return "the steps it needs are joined";
  }
}

function boundsText({ budget, timeoutSeconds }: StepInQuestion): string {
  const parts = [
    budget.maxTokens === undefined ? "" : `${formatTokens(budget.maxTokens)} tokens`,
    budget.maxCostUsd === undefined ? "" : `$${budget.maxCostUsd}`,
    budget.maxMinutes === undefined ? "" : `${budget.maxMinutes} minutes`,
    timeoutSeconds === 0 ? "" : `${timeoutSeconds} seconds`,
  ];
  const known = parts.filter((part) => part !== "");
  return known.length === 0 ? "no cap of its own" : `at most ${known.join(", ")}`;
}

/** All that starting a step lets happen, and how it differs from what was approved. */
function stepLines(step: StepInQuestion, { inputJson, diff }: ApprovalState): string[] {
  return [
    `tools   ${step.tools.length === 0 ? "none" : step.tools.map(escapeExact).join(", ")}`,
    ...(step.commands.length === 0 ? ["runs    no command without a further question"] : []),
    ...step.commands.map((command) => `runs    $ ${escapeExact(command)} …`),
    `done    when ${checkText(step)}`,
    `budget  ${boundsText(step)}`,
    ...(inputJson === undefined ? [] : [`input   ${escapeExact(inputJson)}`]),
    ...(diff === undefined ? [] : ["", "against what was approved:", ...diff.split("\n").map(escapeExact)]),
  ];
}

function exactThing(approval: ApprovalState): string[] {
  if (approval.step !== undefined) return stepLines(approval.step, approval);
  if (approval.argv !== undefined) {
    const where = approval.cwd === undefined || approval.cwd === "." ? "" : ` (in ${escapeExact(approval.cwd)})`;
    return [`$ ${escapeExact(approval.argv.map(quoteWord).join(" "))}${where}`];
  }
  const whole = approval.diff ?? approval.inputJson;
  return whole === undefined ? [] : escapeLookAlikes(escapeText(whole)).split("\n");
}

function paintDiff(line: string, style: Style): string {
  if (line.startsWith("+")) return style.paint("green", line);
  return line.startsWith("-") ? style.paint("red", line) : line;
}

function reachText({ reaches }: ApprovalState): string {
  const parts = [
    reaches.paths.length === 0 ? "" : `writes ${reaches.paths.map(escapeExact).join(", ")}`,
    reaches.hosts.length === 0 ? "no network" : `hosts ${reaches.hosts.map(escapeExact).join(", ")}`,
    reaches.secrets.length === 0 ? "no secrets" : `secrets ${reaches.secrets.map(escapeExact).join(", ")}`,
    reaches.reversible ? "reversible" : "NOT reversible",
  ];
  return parts.filter((part) => part !== "").join("; ");
}

/** Blanks of one kind in a row that are counted instead of shown: what follows them is not to be overlooked. */
const blankRun = /(?:\\n|\\t|\\x0d| ){40,}/gu;
const longText = { chars: 1_000, lines: 100 } as const;

function foldBlanks(line: string): string {
  return line.replaceAll(blankRun, (run) => `⟨${run.replaceAll(/\\(?:n|t|x0d)/gu, " ").length} blanks⟩`);
}

const isBlankChange = (line: string) => /^[-+ ]?\s*$/u.test(line);

/** Lines of a diff that hold nothing, many in a row, become one that counts them. */
function foldEmptyLines(lines: readonly string[]): string[] {
  const shown: string[] = [];
  let empty = 0;
  const flush = (): void => {
    if (empty >= 10) shown.splice(shown.length - empty, empty, `⟨${empty} lines with blanks alone⟩`);
    empty = 0;
  };
  for (const line of lines) {
    if (!isBlankChange(line)) flush();
    else empty += 1;
    shown.push(line);
  }
  flush();
  return shown;
}

/** Said above a text that does not fit a screen. */
function lengthNote(lines: readonly string[]): string[] {
  const chars = lines.reduce((sum, line) => sum + line.length, 0);
  if (chars <= longText.chars && lines.length <= longText.lines) return [];
  return [`Long     ${chars} characters in ${countOf(lines.length, "line")}: read it to its end, it can hold anything`];
}

/** Which rule asks, where it stands, and why. */
function ruleLine({ layer, rule, source, why }: Omit<ExplainedEntry, "capability" | "reason">): string {
  return `${layer} rule ${rule}${source === undefined ? "" : ` (${source})`}: ${why}`;
}

/** The run that the question is about. */
export type AskingRun = Pick<PlanState, "goal" | "spend" | "budget">;

function costText({ spend, budget }: AskingRun): string {
  const cap = budget.maxCostUsd === undefined ? "no cap" : `of at most $${budget.maxCostUsd}`;
  return `${formatCost(spend)} ${cap}, ${formatTokens(spend.inputTokens + spend.outputTokens)} tokens so far`;
}

/** Columns of the labels before the facts of a card. */
const labelColumns = 9;

/** The complete card; nothing of the exact command, diff or input is left out but blanks, which are counted. */
export function renderApprovalCard(approval: ApprovalState, state: AskingRun, style: Style): string {
  const riskFormat = approval.risk === "high" ? "red" : approval.risk === "medium" ? "yellow" : "green";
  const exact = exactThing(approval);
  const { columns } = style;
  const facts = [
    `Risk     ${style.paint(riskFormat, approval.risk)} — ${escapeExact(approval.reason)}`,
    ...(approval.policyRules ?? []).map((rule) => `Rule     ${escapeExact(ruleLine(rule))}`),
    `Reaches  ${reachText(approval)}`,
    `Cost     ${costText(state)}`,
    `Goal     ${goalLine(state.goal)}`,
    `Asked by ${escapeLine(approval.agent)} in step ${approval.stepId} of ${approval.planId}`,
    `Expires  ${approval.expiresAt}; no answer means denied`,
    `Request  ${approval.approvalId}  hash ${approval.requestHash.slice(0, 16)}`,
  ];
  const lines = [
    ...wrapWords(style.paint("bold", escapeExact(approval.title)), { columns, indent: 0 }),
    ...lengthNote(exact),
    "",
    ...foldEmptyLines(exact).map((line) => `  ${paintDiff(foldBlanks(line), style)}`),
    "",
    ...facts.flatMap((line) => wrapWords(line, { columns, indent: labelColumns })),
  ];
  return lines.map((line) => `${style.bar}${line}`).join("\n");
}
