// `ossaat queue status` and `ossaat dlq list|show|requeue|drop`.
import type { Client } from "@ossaat/client";
import { AgentError, countOf, errorTable, exitCodes } from "@ossaat/contracts";
import type { DeadLetterSummary, DeadLettersDecision, DeadLettersDecisionResponse } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { resolvePlanId } from "../repository/resolve-plan.ts";
import { confirm } from "../terminal/confirm.ts";
import { escapeLine, escapeText } from "../terminal/escape.ts";
import { hasNobody, statusLines } from "./queue-status.ts";

/** Exit 0 when the queue takes messages, 7 when it is away, blocked, or something a person must mend. */
export async function queueStatusCommand(context: CommandContext): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const status = await client.queueStatus();
  if (output.format === "text") for (const line of statusLines(status)) output.print(escapeLine(line));
  else output.json(status);
  if (status.health.next !== undefined) output.note(`Next: ${escapeLine(status.health.next)}`);
  if (status.health.ok && hasNobody(status)) {
    output.note(
      "No worker takes messages and none runs a step. Next: start one, and look at the log of those that run",
    );
  }
  if (status.pools.some(({ deadLetters }) => (deadLetters ?? 0) > 0)) output.note("Next: `ossaat dlq list`");
  return status.health.ok && !status.health.blocked ? exitCodes.done : errorTable.unavailable.exitCode;
}

/** What a letter is about. */
const subjectOf = ({ planId, stepId, attempt }: DeadLetterSummary) =>
  planId === undefined ? "cannot be read" : `${planId} ${stepId ?? ""}, attempt ${attempt ?? "unknown"}`;

export type LetterFlags = { plan?: string; reason?: string };
export type ListLettersFlags = LetterFlags & { limit?: string };
export type DecideLettersFlags = LetterFlags & { all?: boolean; yes?: boolean };

/** Letters that the server lists at once, at most. */
const mostListed = 10_000;

/** @throws AgentError invalid_input */
function readLimit(text: string): number {
  const limit = /^\d{1,5}$/u.test(text) ? Number(text) : 0;
  if (limit >= 1 && limit <= mostListed) return limit;
  throw new AgentError("invalid_input", `--limit takes 1 to ${mostListed}, not ${JSON.stringify(text)}.`, {
    details: { next: `ossaat dlq list --limit ${mostListed}` },
  });
}

async function filterOf(client: Client, context: CommandContext, { plan, reason }: LetterFlags) {
  return {
    ...(plan === undefined ? {} : { planId: await resolvePlanId(client, context, plan) }),
    ...(reason === undefined ? {} : { reason }),
  };
}

/** How to see what is behind the letters that were listed. */
function seeMore(count: number, limit: number): string {
  return count < limit || limit >= mostListed
    ? "narrow it with `ossaat dlq list --plan ID --reason TEXT`, or decide about these first"
    : `\`ossaat dlq list --limit ${mostListed}\``;
}

export async function listLettersCommand(flags: ListLettersFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  const limit = readLimit(flags.limit ?? "");
  const { client } = await context.connect();
  const { planId, reason } = await filterOf(client, context, flags);
  const list = await client.listDeadLetters({ plan: planId, reason, limit });
  if (output.format === "text") {
    for (const letter of list.letters) {
      output.print(escapeLine(`${letter.id}  ${letter.pool}  ${subjectOf(letter)}`));
      output.print(escapeLine(`  ${letter.reason}`));
    }
  } else output.json(list);
  if (list.hasMore) {
    const count = countOf(list.letters.length, "dead letter");
    output.note(`There are more than these ${count}, the oldest. Next: ${seeMore(list.letters.length, limit)}`);
  }
  if (output.format !== "text") return exitCodes.done;
  if (list.letters.length > 0)
    output.note("Next: `ossaat dlq show ID`, `ossaat dlq requeue ID` or `ossaat dlq drop ID`");
  else
    output.note(planId === undefined && reason === undefined ? "There are no dead letters." : "No dead letter fits.");
  return exitCodes.done;
}

export async function showLetterCommand(text: string, context: CommandContext): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const shown = await client.getDeadLetter(text);
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

type Decision = DeadLettersDecision["decision"];

/** Letters by name or, with --all, those that fit; never both. @throws AgentError invalid_input */
function requireMeaning(
  ids: readonly string[],
  { all = false, plan, reason }: DecideLettersFlags,
  verb: Decision,
): void {
  const isFiltered = plan !== undefined || reason !== undefined;
  if (all ? ids.length === 0 : ids.length > 0 && !isFiltered) return;
  const message = all
    ? "Letters are named, or --all means all that fit, not both."
    : isFiltered
      ? "--plan and --reason choose among --all; a letter that is named needs neither."
      : "Which letters? Name some, or give --all.";
  throw new AgentError("invalid_input", message, {
    details: { next: `\`ossaat dlq list\`, then \`ossaat dlq ${verb} ID\`` },
  });
}

/** Forgetting all that fit cannot be taken back. */
async function confirmDrop({ plan, reason, yes = false }: DecideLettersFlags, context: CommandContext): Promise<void> {
  const ofPlan = plan === undefined ? "" : ` of ${plan}`;
  const whose = reason === undefined ? "" : ` whose reason has ${JSON.stringify(reason)}`;
  const question = `Forget all dead letters${ofPlan}${whose}? Steps that are ready are announced again.`;
  await confirm(context, { question: escapeLine(question), isYes: yes, next: "ossaat dlq drop --all --yes" });
}

/** Told when it ended after some. */
function leftOver(ended: number, decision: Decision): AgentError {
  const message = `${countOf(ended, "dead letter")} ended; there may be others that fit.`;
  return new AgentError("unavailable", message, {
    details: { next: `\`ossaat dlq list\`, then \`ossaat dlq ${decision}\` again` },
  });
}

/** A program reads one document: what ended before something went wrong is told with it. */
function afterSome(thrown: unknown, letters: readonly DeadLetterSummary[]): AgentError {
  const error = AgentError.from(thrown);
  if (letters.length > 0) error.details["ended"] = letters.map(({ id }) => id);
  return error;
}

type Request = {
  client: Client;
  request: DeadLettersDecision;
  told: (letters: readonly DeadLetterSummary[]) => void;
};

/**
 * What is left to ask for after some ended; undefined when that is nothing. All are those that were there at first:
 * what was given back may be a dead letter again already.
 */
function restOf(
  request: DeadLettersDecision,
  { letters, asOf }: DeadLettersDecisionResponse,
): DeadLettersDecision | undefined {
  if ("all" in request) return { ...request, all: { ...request.all, ...(asOf === undefined ? {} : { asOf }) } };
  const ids = request.ids.filter((text) => !letters.some(({ id }) => id.startsWith(text)));
  return ids.length === 0 ? undefined : { ...request, ids };
}

/** `newer`: letters that died meanwhile and are left, as far as that is known. */
type Decided = { letters: DeadLetterSummary[]; newer?: number };

/** The server ends so many with one request, and for so long. @throws AgentError as the client does */
async function decideAll({ client, request, told }: Request): Promise<Decided> {
  const letters: DeadLetterSummary[] = [];
  let newer: number | undefined;
  try {
    for (let rest: DeadLettersDecision | undefined = request; rest !== undefined;) {
      const decided = await client.decideDeadLetters(rest);
      told(decided.letters);
      letters.push(...decided.letters);
      if (decided.hasMore && decided.letters.length === 0) throw leftOver(letters.length, request.decision);
      rest = decided.hasMore ? restOf(rest, decided) : undefined;
      ({ newer } = decided);
    }
  } catch (error) {
    throw afterSome(error, letters);
  }
  return { letters, ...(newer === undefined ? {} : { newer }) };
}

/** @throws AgentError invalid_input, not_found, cancelled (the person said no) */
export async function decideLettersCommand(
  ids: readonly string[],
  decision: Decision,
  call: { flags: DecideLettersFlags; context: CommandContext },
): Promise<number> {
  const { flags, context } = call;
  const { output } = context;
  requireMeaning(ids, flags, decision);
  if (flags.all === true && decision === "drop") await confirmDrop(flags, context);
  const { client } = await context.connect();
  const request: DeadLettersDecision =
    flags.all === true ? { decision, all: await filterOf(client, context, flags) } : { decision, ids: [...ids] };
  const told = (ended: readonly DeadLetterSummary[]) => {
    if (output.format !== "text") return;
    for (const { id } of ended) output.print(escapeLine(`${id} ${deeds[decision]}.`));
  };
  const decided = await decideAll({ client, request, told });
  const { letters, newer = 0 } = decided;
  if (output.format !== "text") output.json({ schemaVersion: 1, ...decided, hasMore: false, decision });
  else if (letters.length === 0) output.note("No dead letter fits.");
  if (newer > 0) output.note(`${countOf(newer, "dead letter")} came since. Next: \`ossaat dlq list\``);
  return exitCodes.done;
}
