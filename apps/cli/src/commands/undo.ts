// `ossaat undo`: takes an applied change back, or removes the branch of one that never was.
import { AgentError } from "@ossaat/contracts/errors";

import type { CommandContext } from "../command-context.ts";
import { readApplied, writeApplied } from "../repository/applied-record.ts";
import { hasResult, resolvePlan } from "../repository/resolve-plan.ts";
import { planUndo } from "../repository/undo-plan.ts";
import { choose } from "../terminal/prompt.ts";

export type UndoFlags = { yes?: boolean };

async function confirm(context: CommandContext, flags: UndoFlags, question: string): Promise<void> {
  if (flags.yes === true) return;
  if (!context.output.isInteractive) {
    throw new AgentError("invalid_input", `Nobody is here to ask: ${question}`, {
      details: { next: "ossaat undo --yes" },
    });
  }
  const choices = [
    { value: "yes", label: "Yes" },
    { value: "no", label: "No", hint: "nothing changes" },
  ] as const;
  if ((await choose(context.output, { message: question, choices, initial: "no" })) === "yes") return;
  throw new AgentError("cancelled", "Nothing was changed.", { details: { next: "ossaat undo --yes" } });
}

export async function undoCommand(
  text: string | undefined,
  flags: UndoFlags,
  context: CommandContext,
): Promise<number> {
  const { output, config } = context;
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text, hasResult);
  const record = await readApplied(config.stateDir, state.id);
  const undo = await planUndo(state, { record, stateDir: config.stateDir });
  if (undo.kind === "nothing") {
    if (output.format !== "text") output.json({ schemaVersion: 1, planId: state.id, undone: false });
    else output.note(undo.next === undefined ? undo.message : `${undo.message}\nNext: ${undo.next}`);
    return 0;
  }
  await confirm(context, flags, undo.question);
  const done = await undo.run();
  if (record !== undefined) await writeApplied(config.stateDir, { ...record, undone: true });
  if (output.format !== "text") output.json({ schemaVersion: 1, planId: state.id, undone: true, kind: undo.kind });
  else output.note(done);
  return 0;
}
