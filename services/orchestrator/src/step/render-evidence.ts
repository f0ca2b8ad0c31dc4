// evidence.md: the evidence as a reviewer reads it.
import { countOf } from "@ossaat/contracts";
import type { DecisionMeans } from "@ossaat/contracts";

import { code, inline, labelled } from "../plan/markdown-text.ts";
import type { Evidence, EvidenceCommand } from "./evidence.ts";

function commandLine(command: EvidenceCommand): string {
  const { tests } = command;
  const counts =
    tests === undefined
      ? ""
      : ` — ${tests.runner}: ${tests.status}, ${tests.passed ?? "?"} passed, ${tests.failed ?? "?"} failed`;
  const loud = command.unsandboxed ? " — WITHOUT SANDBOX" : "";
  const exit = command.exitCode ?? "killed";
  return `- ${command.stepId}: ${code(command.argv.join(" "))} → exit ${exit} in ${command.seconds.toFixed(1)} s, log ${command.logRef.slice(0, 12)}${counts}${loud}`;
}

function stepLine(step: Evidence["steps"][number]): string {
  const commit = step.commit === undefined ? "" : `, commit ${step.commit.slice(0, 12)}`;
  const reason = step.reason === undefined ? "" : ` (${step.reason})`;
  return `- ${step.id} (${inline(step.agent)}): ${step.status}${reason}${commit}. ${inline(step.title)}. Said by ${step.saidBy}: ${inline(step.summary)}`;
}

function networkSection({ requests, unknown }: Evidence["egress"]): string[] {
  const lines = [
    ...requests.map(requestLine),
    ...unknown.map(({ stepId, title, at }) => `- ${stepId}: not known, broken off: ${inline(title)} of ${at}`),
  ];
  return lines.length === 0 ? [] : section("Network", lines);
}

function requestLine(record: Evidence["egress"]["requests"][number]): string {
  const { stepId, decision, method, host, port, path = "", reason, count, bytesUp, bytesDown, secret } = record;
  const why = reason === undefined ? "" : ` (${reason})`;
  const used = secret === undefined ? "" : `, with the secret ${inline(secret)}`;
  return `- ${stepId}: ${decision}${why} ${code(`${method} ${host}:${port}${path}`)} ${count} times, ${bytesUp} bytes up, ${bytesDown} down${used}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return ["", `## ${title}`, "", ...(lines.length === 0 ? ["none"] : lines)];
}

const meansTexts: Readonly<Record<DecisionMeans, string>> = {
  interactive: ", asked at a terminal",
  flag: ", by a flag: nobody was asked",
};

function meansText(means: DecisionMeans | undefined): string {
  return means === undefined ? "" : meansTexts[means];
}

function costText({ spend }: Evidence): string {
  const unknown =
    spend.unknownCostTurns === 0 ? "" : `, and ${countOf(spend.unknownCostTurns, "turn")} whose price is unknown`;
  return `${countOf(spend.turns, "model turn")}, ${spend.inputTokens} tokens in, ${spend.outputTokens} out, $${spend.costUsd.toFixed(4)}${unknown}`;
}

/** The text of evidence.md. */
export function renderEvidence(evidence: Evidence): string {
  const { model, base, result } = evidence;
  const scripted = model.scripted
    ? " — SCRIPTED: the model's replies were recorded beforehand, everything else is real"
    : "";
  return [
    `# Evidence for ${evidence.planId}`,
    "",
    labelled("Goal", evidence.goal),
    "",
    `- Status: ${evidence.status}${evidence.reason === undefined ? "" : ` (${evidence.reason})`}`,
    `- Branch: ${inline(result.branch ?? "none")} at ${result.commit ?? "-"}`,
    `- Base: ${base.commit}${base.branch === undefined ? "" : ` (${inline(base.branch)})`}`,
    `- Plan hash: ${evidence.planHash}, revision ${evidence.revision}`,
    `- Model: ${inline(model.ref ?? "none")}${scripted}`,
    ...(model.notice === undefined ? [] : [`- Model's notice: ${inline(model.notice)}`]),
    `- Isolation: ${evidence.isolation}`,
    `- Spent: ${costText(evidence)}`,
    `- Egress: ${evidence.egress.note}`,
    `- Undo: ${code(evidence.rollback)}`,
    ...section(
      "Approvals",
      evidence.approvals.map(
        (a) =>
          `- ${inline(a.what)}: ${a.decision} by ${inline(a.by)}${meansText(a.means)} at ${a.at}, hash ${a.hash.slice(0, 12)}${a.scope === undefined ? "" : `, scope ${a.scope}`}${a.feedback === undefined ? "" : ` — “${inline(a.feedback)}”`}`,
      ),
    ),
    ...section("Steps", evidence.steps.map(stepLine)),
    ...section("Commands, run by the platform in the sandbox", evidence.commands.map(commandLine)),
    ...networkSection(evidence.egress),
    ...section(
      "Denied calls",
      evidence.deniedCalls.map(({ stepId, summary }) => `- ${stepId}: ${inline(summary)}`),
    ),
    ...section(
      "Left out of or changed in requests to the model",
      evidence.modelWarnings.map((warning) => `- ${inline(warning)}`),
    ),
    ...section(
      "Auditor's findings",
      evidence.findings.map(
        (f) =>
          `- ${f.severity}: ${f.path === undefined ? "" : `${inline(f.path)}${f.line === undefined ? "" : `:${f.line}`}: `}${inline(f.message)}`,
      ),
    ),
    "",
  ].join("\n");
}
