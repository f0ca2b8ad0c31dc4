// write_file: creates a file, or replaces a whole one when told so.
import { AgentError } from "@ossaat/contracts";

import { canonicalPath } from "../files/workspace-files.ts";
import { revertNote, settleEdit } from "./settle-changes.ts";
import type { Tool } from "./tool.ts";

export const writeFile: Tool<"write_file"> = async (context, input) => {
  const { files } = context;
  const present = await files.kind(input.path);
  if (present === "file" && !input.overwrite) {
    throw new AgentError("conflict", `${input.path} exists. Use edit_file, or set overwrite to replace it whole.`);
  }
  const path = canonicalPath(input.path);
  const settled = await settleEdit(context, [path], () => files.write(path, input.content));
  const bytes = Buffer.byteLength(input.content);
  const text = `${present === "file" ? "Replaced" : "Created"} ${input.path} (${bytes} bytes).`;
  return { summary: text, output: { text: text + revertNote(settled), ...settled } };
};
