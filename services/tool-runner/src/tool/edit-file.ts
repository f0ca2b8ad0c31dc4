// edit_file: replaces a piece of text at the one place it names.
import { toolLimits } from "@ossaat/contracts";
import type { ToolInput } from "@ossaat/contracts";

import { canonicalPath } from "../files/workspace-files.ts";
import { editLimits } from "./limits.ts";
import { replaceText } from "./replace-text.ts";
import type { Replaced } from "./replace-text.ts";
import { revertNote, settleEdit } from "./settle-changes.ts";
import { applyEdits, formatText, parseText } from "./text-file.ts";
import { toleranceNote } from "./tolerance-note.ts";
import type { Tool, ToolContext } from "./tool.ts";

type Planned = { path: string; data: Buffer; found: Replaced };

/** What an edit makes of a file, without writing it. @throws AgentError conflict, invalid_input, not_found */
export async function planEdit(
  { files, approvedOutside }: Pick<ToolContext, "files" | "approvedOutside">,
  input: ToolInput<"edit_file">,
): Promise<Planned> {
  const current = await files.read(input.path, editLimits.maxFileBytes);
  const file = parseText(current.data, input.path);
  // A person saw the words of the edit and allowed these: no tolerance may make others of them.
  const mode = approvedOutside ? "exact" : "tolerant";
  const found = replaceText(file.lines, { ...input, mode });
  return { path: canonicalPath(input.path), data: formatText(applyEdits(file, found.edits)), found };
}

export const editFile: Tool<"edit_file"> = async (context, input) => {
  const { path, data, found } = await planEdit(context, input);
  const settled = await settleEdit(context, [path], () => context.files.write(path, data));
  const places = found.count === 1 ? `at line ${found.firstLine}` : `at ${found.count} places`;
  const summary = `Edited ${input.path} ${places}.`;
  const text = summary.slice(0, toolLimits.maxOutputBytes) + toleranceNote("oldText", found.tolerances);
  return { summary, output: { text: text + revertNote(settled), ...settled } };
};
