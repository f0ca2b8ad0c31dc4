// `ossaat plans reconcile`: differences between what is recorded and what is there, and mending them.
import { countOf, exitCodes } from "@ossaat/contracts";
import type { ReconcileResponse } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { escapeLine } from "../terminal/escape.ts";
import { renderTable } from "../terminal/render-table.ts";

export type ReconcileFlags = { apply?: boolean };

function tableOf({ differences, applied }: ReconcileResponse): string[] {
  const columns = ["difference", "plan", "step", "detail", ...(applied ? ["mended"] : [])].map((name) => ({ name }));
  const rows = differences.map(({ kind, planId, stepId = "", detail, mended }) => [
    kind.replaceAll("_", " "),
    planId,
    escapeLine(stepId),
    escapeLine(detail),
    ...(applied ? [mended === true ? "yes" : "no"] : []),
  ]);
  return renderTable(columns, rows);
}

function summaryOf({ differences, applied, more }: ReconcileResponse): string {
  if (differences.length === 0) return "What is recorded is what is there.";
  const count = `${countOf(differences.length, "difference")}${more ? ", and there may be more" : ""}`;
  if (!applied) return `${count}.\nNext: \`ossaat plans reconcile --apply\` mends them`;
  const left = differences.filter(({ mended }) => mended !== true).length;
  if (left > 0) return `${count}, ${left} of them not mended: repeat the command, or see why in the server's log.`;
  return more ? `${count} mended.\nNext: \`ossaat plans reconcile --apply\` again` : `${count} mended.`;
}

/** Exit 0 when nothing differs, or all was mended; else 3. */
export async function reconcileCommand({ apply = false }: ReconcileFlags, context: CommandContext): Promise<number> {
  const { output } = context;
  const { client } = await context.connect();
  const found = await (apply ? client.mendDifferences() : client.findDifferences());
  if (output.format !== "text") output.json(found);
  else if (found.differences.length > 0) for (const line of tableOf(found)) output.print(line);
  output.note(summaryOf(found));
  return found.differences.every(({ mended }) => mended === true) ? exitCodes.done : exitCodes.runFailed;
}
