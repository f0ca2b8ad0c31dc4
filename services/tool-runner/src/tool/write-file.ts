// write_file: creates a file, or replaces a whole one when told so.
import { AgentError } from "@ossaat/contracts";

import { takeSnapshot } from "../workspace/working-tree.ts";
import type { Tool } from "./tool.ts";

export const writeFile: Tool<"write_file"> = async (context, input) => {
  const { files } = context;
  const present = await files.kind(input.path);
  if (present === "file" && !input.overwrite) {
    throw new AgentError("conflict", `${input.path} exists. Use edit_file, or set overwrite to replace it whole.`);
  }
  await files.write(input.path, input.content);
  const snapshot = await takeSnapshot(context.git, context.workspace, context.signal);
  const bytes = Buffer.byteLength(input.content);
  const text = `${present === "file" ? "Replaced" : "Created"} ${input.path} (${bytes} bytes).`;
  return { summary: text, output: { text, snapshot, changedPaths: [input.path] } };
};
