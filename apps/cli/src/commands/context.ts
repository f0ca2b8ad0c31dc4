// `ossaat context`: what was sent to a model and why, from the record of the run.
import { AgentError } from "@ossaat/contracts/errors";
import type { Client } from "@ossaat/client";

import type { CommandContext } from "../command-context.ts";
import { describeTurns } from "../model-context/describe-turn.ts";
import type { ContextPart, TurnContext } from "../model-context/describe-turn.ts";
import { readAllEvents } from "../repository/read-events.ts";
import { requireStep } from "../repository/require-step.ts";
import { resolvePlan } from "../repository/resolve-plan.ts";
import { escapeLine, escapeText } from "../terminal/escape.ts";
import { formatTokens } from "../terminal/format-figures.ts";

export type ContextFlags = { step?: string; turn?: string };

/** A part with what the store holds of it; null = not stored. */
type LoadedPart = Omit<ContextPart, "stored"> & { text: string | null; chars: number | null };

function readTurn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const turn = Number(text);
  if (Number.isSafeInteger(turn) && turn > 0) return turn;
  throw new AgentError("invalid_input", `--turn takes a whole number from 1, not ${JSON.stringify(text)}.`, {
    details: { next: "ossaat context PLAN" },
  });
}

/** Messages as the model read them: text stays text, everything else is shown as JSON. */
function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "object" && value !== null && "text" in value && typeof value.text === "string")
    return value.text;
  if (typeof value === "object" && value !== null && "parts" in value) return JSON.stringify(value.parts, null, 2);
  return JSON.stringify(value, null, 2);
}

async function loadPart(client: Client, planId: string, { stored, ...part }: ContextPart): Promise<LoadedPart> {
  if (stored === undefined) return { ...part, text: null, chars: null };
  try {
    const text = textOf(await client.loadStored(planId, stored));
    return { ...part, text, chars: text.length };
  } catch (error) {
    if (error instanceof AgentError && error.code === "not_found") return { ...part, text: null, chars: null };
    throw error;
  }
}

function partLine(part: LoadedPart): string {
  const size = part.chars === null ? "not stored" : `${formatTokens(part.chars)} characters`;
  const turn = part.turn === undefined ? "" : `turn ${part.turn}: `;
  return escapeLine(`${turn}${part.title} — ${size}`);
}

function printTurn(context: CommandContext, turn: TurnContext & { parts: LoadedPart[] }, isFull: boolean): void {
  const { output, style } = context;
  const tokens = turn.inputTokens === undefined ? "tokens not counted" : `${formatTokens(turn.inputTokens)} tokens in`;
  const head = `${turn.stepId} turn ${turn.turn}  ${turn.model}, ${tokens}`;
  output.print(style.paint("bold", escapeLine(head)));
  for (const part of turn.parts) {
    output.print(`  ${partLine(part)}`);
    if (!isFull) continue;
    output.print(escapeLine(`    why: ${part.why}`));
    if (part.sources !== undefined)
      output.print(escapeLine(`    from: ${part.sources.length === 0 ? "nothing matched" : part.sources.join(", ")}`));
    if (part.text === null) output.print("    (not stored)");
    else
      output.print(
        escapeText(part.text)
          .split("\n")
          .map((line) => `    | ${line}`)
          .join("\n"),
      );
  }
}

/** Lists the turns; with --turn every part of one, whole. */
export async function contextCommand(
  text: string | undefined,
  flags: ContextFlags,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const wanted = readTurn(flags.turn);
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text);
  requireStep(state, flags.step);
  const all = describeTurns(await readAllEvents(client, state.id), flags.step);
  const turns = wanted === undefined ? all : all.filter(({ turn }) => turn === wanted);
  if (turns.length === 0) {
    const where = `${flags.step === undefined ? "" : ` in step ${flags.step}`}${wanted === undefined ? "" : ` as turn ${wanted}`}`;
    throw new AgentError("not_found", `No model was asked${where} in ${state.id}.`, {
      details: { next: all.length === 0 ? `ossaat show ${state.id}` : `ossaat context ${state.id}` },
    });
  }
  const loaded = [];
  for (const turn of turns) {
    const parts = [];
    for (const part of turn.parts) parts.push(await loadPart(client, state.id, part));
    loaded.push({ ...turn, parts });
  }
  if (output.format !== "text") output.json({ schemaVersion: 1, planId: state.id, turns: loaded });
  else for (const turn of loaded) printTurn(context, turn, wanted !== undefined);
  if (wanted === undefined) output.note(`\nNext: ossaat context ${state.id} --step ${turns[0]?.stepId ?? ""} --turn 1`);
  return 0;
}
