// Keeps a step's conversation inside the model's window: older turns give way to a digest that the
// platform writes from the log. Plan, envelope and guidance of the step are its first message and
// never leave; the digest keeps what was done and the last failures in full.
import type { Capabilities } from "@ossaat/providers";

import { load } from "../artifact/artifacts.ts";
import type { Artifacts } from "../artifact/artifacts.ts";
import { clipMiddle } from "./clip-middle.ts";
import { outputText } from "./conversation.ts";
import type { CallRecord, StepHistory } from "./history.ts";
import { stepLimits } from "./limits.ts";

/** Tokens of one answer that may be asked of a model. */
export function outputTokens({ contextTokens, maxOutputTokens }: Capabilities): number {
  const quarter = Math.floor((contextTokens ?? stepLimits.assumedContextTokens) / 4);
  return Math.max(1, Math.min(stepLimits.maxOutputTokens, quarter, maxOutputTokens ?? quarter));
}

/** Characters of a conversation, tools included, that fit beside an answer. */
export function windowChars(capabilities: Capabilities): number {
  const contextTokens = capabilities.contextTokens ?? stepLimits.assumedContextTokens;
  return Math.floor((contextTokens - outputTokens(capabilities)) * stepLimits.windowCharsPerToken);
}

export type TurnSize = { turn: number; chars: number };

/**
 * Last turn that should leave the conversation, so that the newest ones fit into their share of
 * `room` characters. The newest turn always stays. Undefined = no turn can leave.
 */
export function turnToCompact(turns: readonly TurnSize[], room: number): number | undefined {
  let kept = 0;
  for (let index = turns.length - 1; index >= 0; index -= 1) {
    kept += turns[index]?.chars ?? 0;
    const isNewest = index === turns.length - 1;
    if (!isNewest && kept > room * stepLimits.compactKeep) return turns[index]?.turn;
  }
  // Everything fits into the share, and yet the whole is too long: all but the newest leave.
  return turns.at(-2)?.turn;
}

function turnOf({ callId }: CallRecord): number {
  return Number(callId.split(".")[0]);
}

function hasFailed({ finished }: CallRecord): boolean {
  if (finished === undefined) return false;
  return finished.state !== "completed" || (finished.exitCode !== undefined && finished.exitCode !== 0);
}

async function describeFailures(artifacts: Artifacts, history: StepHistory, calls: CallRecord[]): Promise<string[]> {
  const failed = calls.filter(hasFailed).slice(-stepLimits.maxDigestFailures);
  const lines: string[] = [];
  for (const { callId, tool, title, finished } of failed) {
    if (finished === undefined) continue;
    const text = clipMiddle(outputText(await load(artifacts, finished.output)), stepLimits.maxDigestFailureChars);
    lines.push(`## ${callId} ${title ?? tool} (${finished.state})`, text);
  }
  const rejected = history.guidance.findLast(({ kind }) => kind === "check_failed");
  if (rejected !== undefined) {
    lines.push("## Your result was not accepted", clipMiddle(rejected.text, stepLimits.maxDigestFailureChars));
  }
  return lines.length === 0 ? [] : ["# The last failures", ...lines];
}

function describeCall({ callId, tool, title, finished }: CallRecord): string {
  const exit = finished?.exitCode === undefined || finished.exitCode === 0 ? "" : `, exit ${finished.exitCode}`;
  return `- ${callId} ${clipMiddle(title ?? tool, 200)}: ${finished?.state ?? "no end"}${exit}; ${clipMiddle(finished?.summary ?? "", 200)}`;
}

/** What stands in place of all turns up to `throughTurn`. The same history gives the same text. */
export async function writeDigest(artifacts: Artifacts, history: StepHistory, throughTurn: number): Promise<string> {
  const calls = history.finishedCalls.filter((call) => turnOf(call) <= throughTurn);
  const failures = await describeFailures(artifacts, history, calls);
  const head = [
    `# What happened in turns 1 to ${throughTurn}`,
    "The conversation was shortened by the platform. Your edits are in the working tree; read a file again before you rely on what you remember of it.",
  ];
  const room = stepLimits.maxDigestChars - [...head, ...failures].join("\n").length;
  const lines: string[] = [];
  let used = 0;
  for (const call of calls.toReversed()) {
    const line = describeCall(call);
    used += line.length + 1;
    if (used > room) {
      lines.push(`- … ${calls.length - lines.length} calls before`);
      break;
    }
    lines.push(line);
  }
  return [...head, "# Your calls, oldest first", ...lines.toReversed(), ...failures].join("\n");
}
