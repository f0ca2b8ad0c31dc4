// `ossaat diff`: what a plan, or one of its steps, changed. Into a pipe it is a plain patch.
import type { DiffFile } from "@ossaat/contracts";

import type { CommandContext } from "../command-context.ts";
import { requireStep } from "../repository/require-step.ts";
import { hasResult, resolvePlan } from "../repository/resolve-plan.ts";
import { escapeLine, escapeText } from "../terminal/escape.ts";
import type { Style } from "../terminal/style.ts";

export type DiffFlags = { step?: string; stat?: boolean };

function paintLine(line: string, style: Style): string {
  if (line.startsWith("+++") || line.startsWith("---") || line.startsWith("diff ")) return style.paint("bold", line);
  if (line.startsWith("+")) return style.paint("green", line);
  if (line.startsWith("-")) return style.paint("red", line);
  return line.startsWith("@@") ? style.paint("cyan", line) : line;
}

function statLine(file: DiffFile): string {
  const figures = file.binary ? "binary" : `+${file.additions} -${file.deletions}`;
  const from = file.oldPath === undefined ? "" : `${escapeLine(file.oldPath)} → `;
  return `${file.status.padEnd(8)} ${figures.padEnd(12)} ${from}${escapeLine(file.path)}`;
}

export async function diffCommand(
  text: string | undefined,
  flags: DiffFlags,
  context: CommandContext,
): Promise<number> {
  const { output, style } = context;
  const { client } = await context.connect();
  const state = await resolvePlan(client, context, text, hasResult);
  requireStep(state, flags.step);
  const diff = await client.getDiff(state.id, flags.step);
  if (output.format !== "text") {
    output.json(diff);
    return 0;
  }
  if (flags.stat === true) {
    for (const file of diff.files) output.print(statLine(file));
    return 0;
  }
  const isPerson = process.stdout.isTTY;
  for (const file of diff.files) {
    const patch = file.patch.replace(/\n$/, "");
    output.print(
      isPerson
        ? escapeText(patch)
            .split("\n")
            .map((line) => paintLine(line, style))
            .join("\n")
        : patch,
    );
    if (file.truncated) output.warn(`${escapeLine(file.path)} is cut: read it whole on branch ${state.branch ?? ""}.`);
  }
  if (diff.files.length === 0) output.note("No file differs.");
  return 0;
}
