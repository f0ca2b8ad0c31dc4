// `ossaat undo`: takes an applied change back, or removes the branch of one that never was.
import type { CommandContext } from "../command-context.ts";
import { readApplied, writeApplied } from "../repository/applied-record.ts";
import { requireCheckout } from "../repository/require-checkout.ts";
import { hasResult, resolvePlan } from "../repository/resolve-plan.ts";
import { planUndo } from "../repository/undo-plan.ts";
import { confirm } from "../terminal/confirm.ts";

export type UndoFlags = { yes?: boolean };

export async function undoCommand(
  text: string | undefined,
  flags: UndoFlags,
  context: CommandContext,
): Promise<number> {
  const { output, config } = context;
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text, hasResult);
  requireCheckout(state);
  const record = await readApplied(config.stateDir, state.id);
  const undo = await planUndo(state, { record, stateDir: config.stateDir });
  if (undo.kind === "nothing") {
    if (output.format !== "text") output.json({ schemaVersion: 1, planId: state.id, undone: false });
    else output.note(undo.next === undefined ? undo.message : `${undo.message}\nNext: ${undo.next}`);
    return 0;
  }
  await confirm(context, { question: undo.question, isYes: flags.yes === true, next: `ossaat undo ${state.id} --yes` });
  const done = await undo.run();
  if (record !== undefined) await writeApplied(config.stateDir, { ...record, state: "undone" });
  if (output.format !== "text") output.json({ schemaVersion: 1, planId: state.id, undone: true, kind: undo.kind });
  else output.note(done);
  return 0;
}
