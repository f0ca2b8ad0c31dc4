// `ossaat import`: takes a plan over from an archive.
import { createReadStream, statSync } from "node:fs";
import path from "node:path";

import { AgentError } from "@ossaat/contracts/errors";

import type { CommandContext } from "../command-context.ts";
import { withInterrupt } from "../follow/with-interrupt.ts";
import { findRepository } from "../repository/find-repository.ts";
import { escapeLine } from "../terminal/escape.ts";

/** @throws AgentError invalid_input */
function requireFile({ folder }: CommandContext, given: string): string {
  const file = path.resolve(folder, given);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile() === true) return file;
  let problem = `${file} is no regular file: an archive is read from one.`;
  if (found === undefined) problem = `There is no file ${file}.`;
  else if (found.isDirectory()) problem = `${file} is a folder: an archive is a file.`;
  throw new AgentError("invalid_input", problem, {
    details: { next: "ossaat export PLAN --file FILE, where the plan is" },
  });
}

/** @throws AgentError invalid_input, conflict, limit_exceeded */
export async function importCommand(given: string, context: CommandContext): Promise<number> {
  const { output } = context;
  const file = requireFile(context, given);
  const repository = await findRepository(context);
  const { client } = await context.connect();
  const answer = await withInterrupt(
    context,
    (signal) =>
      client.importPlan(createReadStream(file), { ...(repository === undefined ? {} : { repository }), signal }),
    { hint: () => "The import was broken off: the plan is here whole, or not at all." },
  );
  if (output.format !== "text") {
    output.json(answer);
    return 0;
  }
  const { planId, outcome, status, events, notes } = answer;
  output.print(`${planId}  ${status}`);
  output.note(outcome === "already_here" ? "The plan is here already." : `Imported with its ${events} events.`);
  for (const note of notes) output.note(escapeLine(note));
  output.note(`Next: ossaat show ${planId}`);
  return 0;
}
