// `ossaat completion` prints what a shell sources; `ossaat __complete` is what it asks then.
import { statusText } from "@ossaat/contracts";
import type { PlanSummary } from "@ossaat/contracts";
import type { Command } from "commander";
import { AgentError } from "@ossaat/contracts/errors";

import type { CommandContext } from "../command-context.ts";
import { completeWords } from "../completion/complete-words.ts";
import type { Candidate, Completion, Names } from "../completion/complete-words.ts";
import { completionScripts, loading, shells } from "../completion/scripts.ts";
import { findRepository } from "../repository/find-repository.ts";
import { runningClient } from "../server/connect.ts";
import { findServer } from "../server/find-server.ts";
import { escapeLine } from "../terminal/escape.ts";

/** Characters of a goal beside its plan. */
const noteChars = 60;

/** @throws AgentError invalid_input for another shell */
export function completionCommand(text: string, { output }: CommandContext): Promise<number> {
  const shell = shells.find((known) => known === text);
  if (shell === undefined) {
    throw new AgentError(
      "invalid_input",
      `There is completion for bash, zsh and fish, not for ${JSON.stringify(text)}.`,
      {
        details: { next: "ossaat completion bash" },
      },
    );
  }
  process.stdout.write(completionScripts[shell]);
  if (process.stdout.isTTY) output.note(`\nNext: ${loading[shell]}`);
  return Promise.resolve(0);
}

const noteOf = (status: string, text: string) => `${status}: ${escapeLine(text).slice(0, noteChars)}`;

function planOf({ id, status, goal }: PlanSummary): Candidate {
  return { text: id, note: noteOf(status, goal) };
}

/** What the running server knows; completion starts none. */
function namesOf(context: CommandContext): Names {
  const client = async () =>
    (await findServer(context.config)) === undefined ? undefined : runningClient(context.config);
  return {
    async plans() {
      const repository = await findRepository(context);
      const page = await (await client())?.listPlans(repository === undefined ? {} : { repository });
      return page?.plans.map(planOf) ?? [];
    },
    async steps(plan = "") {
      const running = await client();
      const repository = await findRepository(context);
      const page = await running?.listPlans(repository === undefined ? {} : { repository });
      const found = page?.plans.find(({ id }) => id.startsWith(plan.startsWith("plan-") ? plan : `plan-${plan}`));
      if (running === undefined || found === undefined) return [];
      const { steps } = await running.getPlan(found.id);
      return steps.map(({ id, status }) => ({ text: id, note: statusText(status) }));
    },
    async letters() {
      const list = await (await client())?.listDeadLetters();
      return list?.letters.map(({ id, reason }) => ({ text: id, note: noteOf("dead", reason) })) ?? [];
    },
    async requests() {
      const list = await (await client())?.listApprovals({});
      return list?.approvals.map(({ approvalId, title }) => ({ text: approvalId, note: noteOf("asks", title) })) ?? [];
    },
  };
}

function lines(completion: Completion): string[] {
  if (!Array.isArray(completion)) return [`:${completion}`];
  return completion.map(({ text, note }) => `${text}\t${note}`);
}

/** Prints a line a candidate, `text TAB note`. What goes wrong completes nothing. */
export async function completeCommand(
  program: Command,
  words: readonly string[],
  context: CommandContext,
): Promise<number> {
  const completion = await completeWords(program, words.length === 0 ? [""] : words, namesOf(context)).catch(
    (): Completion => [],
  );
  for (const line of lines(completion)) context.output.print(line);
  return 0;
}
