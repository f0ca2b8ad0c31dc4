// edit_file: replaces a piece of text at the one place it names.
import { toolLimits } from "@ossaat/contracts";

import { canonicalPath } from "../files/workspace-files.ts";
import { editLimits } from "./limits.ts";
import { replaceText } from "./replace-text.ts";
import { revertNote, settleEdit } from "./settle-changes.ts";
import { formatText, parseText } from "./text-file.ts";
import type { Tool } from "./tool.ts";

export const editFile: Tool<"edit_file"> = async (context, input) => {
  const { files } = context;
  const current = await files.read(input.path, editLimits.maxFileBytes);
  const file = parseText(current.data, input.path);
  const edited = replaceText(file.text, input);
  const path = canonicalPath(input.path);
  const settled = await settleEdit(context, [path], () => files.write(path, formatText(file, edited.text)));
  const places = edited.count === 1 ? `at line ${edited.firstLine}` : `at ${edited.count} places`;
  const text = `Edited ${input.path} ${places}.`;
  return {
    summary: text,
    output: { text: text.slice(0, toolLimits.maxOutputBytes) + revertNote(settled), ...settled },
  };
};
