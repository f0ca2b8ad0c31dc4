// The card a person decides on: what exactly, how risky, how far it reaches, who asks.
import type { ApprovalState } from "@ossaat/contracts";

import { escapeLine, escapeText } from "./escape.ts";
import type { Style } from "./style.ts";

function quote(word: string): string {
  return /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function exactThing(approval: ApprovalState): string[] {
  if (approval.argv !== undefined) {
    const where = approval.cwd === undefined || approval.cwd === "." ? "" : ` (in ${escapeLine(approval.cwd)})`;
    return [`$ ${escapeLine(approval.argv.map(quote).join(" "))}${where}`];
  }
  if (approval.diff !== undefined) return escapeText(approval.diff).split("\n");
  return [];
}

function paintDiff(line: string, style: Style): string {
  if (line.startsWith("+")) return style.paint("green", line);
  return line.startsWith("-") ? style.paint("red", line) : line;
}

function reachText({ reaches }: ApprovalState): string {
  const parts = [
    reaches.paths.length === 0 ? "" : `writes ${reaches.paths.map(escapeLine).join(", ")}`,
    reaches.hosts.length === 0 ? "no network" : `hosts ${reaches.hosts.map(escapeLine).join(", ")}`,
    reaches.secrets.length === 0 ? "no secrets" : `secrets ${reaches.secrets.map(escapeLine).join(", ")}`,
    reaches.reversible ? "reversible" : "NOT reversible",
  ];
  return parts.filter((part) => part !== "").join("; ");
}

/** The complete card; nothing of the exact command or diff is left out. */
export function renderApprovalCard(approval: ApprovalState, style: Style): string {
  const riskFormat = approval.risk === "high" ? "red" : approval.risk === "medium" ? "yellow" : "green";
  const lines = [
    style.paint("bold", escapeLine(approval.title)),
    "",
    ...exactThing(approval).map((line) => `  ${paintDiff(line, style)}`),
    "",
    `Risk     ${style.paint(riskFormat, approval.risk)} — ${escapeLine(approval.reason)}`,
    `Reaches  ${reachText(approval)}`,
    `Asked by ${escapeLine(approval.agent)} in step ${approval.stepId} of ${approval.planId}`,
    `Expires  ${approval.expiresAt}; no answer means denied`,
    `Request  ${approval.approvalId}  hash ${approval.requestHash.slice(0, 16)}`,
  ];
  return lines.map((line) => `${style.bar}${line}`).join("\n");
}
