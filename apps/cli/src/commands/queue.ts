// `ossaat queue status` and `ossaat dlq list|show|requeue|drop`.
import type { Client } from "@ossaat/client";
import { AgentError, countOf, errorTable, exitCodes } from "@ossaat/contracts";
import type { DeadLetterDecision, DeadLetterSummary, QueueStatusResponse } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { escapeLine, escapeText } from "../terminal/escape.ts";

const orUnknown = (count: number | null, noun: string) => (count === null ? `unknown ${noun}s` : countOf(count, noun));

function statusLines({ health, waiting, pools }: QueueStatusResponse): string[] {
  const { ok, blocked, detail, next } = health;
  const unwell = next === undefined ? "away" : "wrong";
  const word = ok ? (blocked ? "blocked" : "well") : unwell;
  return [
    `${word}  ${detail}`,
    `${countOf(waiting, "message")} in the database`,
    ...pools.map(
      ({ pool, depth, deadLetters }) =>
        `${pool}  ${orUnknown(depth, "message")} in the queue, ${orUnknown(deadLetters, "dead letter")}`,
    ),
  ];
}

/** Exit 0 when the queue takes messages, 7 when it is away, blocked, or something a person must mend. */
export async function queueStatusCommand(context: CommandContext): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const status = await client.queueStatus();
  if (output.format === "text") for (const line of statusLines(status)) output.print(escapeLine(line));
  else output.json(status);
  if (status.health.next !== undefined) output.note(`Next: ${escapeLine(status.health.next)}`);
  if (status.pools.some(({ deadLetters }) => (deadLetters ?? 0) > 0)) output.note("Next: `ossaat dlq list`");
  return status.health.ok && !status.health.blocked ? exitCodes.done : errorTable.unavailable.exitCode;
}

/** What a letter is about. */
const subjectOf = ({ planId, stepId, attempt }: DeadLetterSummary) =>
  planId === undefined ? "cannot be read" : `${planId} ${stepId ?? ""}, attempt ${attempt ?? "unknown"}`;

export async function listLettersCommand(context: CommandContext): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const list = await client.listDeadLetters();
  if (output.format !== "text") {
    output.json(list);
    return exitCodes.done;
  }
  for (const letter of list.letters) {
    output.print(escapeLine(`${letter.id}  ${letter.pool}  ${subjectOf(letter)}`));
    output.print(escapeLine(`  ${letter.reason}`));
  }
  if (list.letters.length === 0) output.note("There are no dead letters.");
  else output.note("Next: `ossaat dlq show ID`, `ossaat dlq requeue ID` or `ossaat dlq drop ID`");
  return exitCodes.done;
}

/** By its id, or the beginning of one. @throws AgentError not_found, invalid_input */
async function resolveLetter(client: Client, text: string): Promise<string> {
  const { letters } = await client.listDeadLetters();
  const fitting = letters.filter(({ id }) => id.startsWith(text));
  const found = letters.find(({ id }) => id === text) ?? fitting[0];
  const details = { next: "`ossaat dlq list` lists them" };
  if (found === undefined || text === "") {
    throw new AgentError("not_found", `There is no dead letter ${JSON.stringify(text)}.`, { details });
  }
  if (found.id !== text && fitting.length > 1) {
    const message = `${JSON.stringify(text)} begins the ids of ${countOf(fitting.length, "dead letter")}.`;
    throw new AgentError("invalid_input", message, { details });
  }
  return found.id;
}

export async function showLetterCommand(text: string, context: CommandContext): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const shown = await client.getDeadLetter(await resolveLetter(client, text));
  if (output.format !== "text") {
    output.json(shown);
    return exitCodes.done;
  }
  const { letter } = shown;
  output.print(escapeLine(`${letter.id}  ${letter.pool}  ${subjectOf(letter)}`));
  output.print(escapeLine(`  ${letter.reason}`));
  output.print(escapeText(letter.message));
  return exitCodes.done;
}

const deeds = { requeue: "was given back to its queue", drop: "is forgotten" } as const;

export async function decideLetterCommand(
  text: string,
  decision: DeadLetterDecision["decision"],
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const decided = await client.decideDeadLetter(await resolveLetter(client, text), { decision });
  if (output.format === "text") output.print(escapeLine(`${decided.letter.id} ${deeds[decision]}.`));
  else output.json(decided);
  return exitCodes.done;
}
