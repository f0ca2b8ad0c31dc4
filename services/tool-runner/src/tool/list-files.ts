// list_files: what is below a folder, ignored files left out.
import { AgentError, toolLimits } from "@ossaat/contracts";
import { normalizePath } from "@ossaat/policy";

import { dependencyFolderOf } from "../dependencies/dependency-folder.ts";
import { linePath } from "../git/git.ts";
import { listTracked } from "./list-tracked.ts";
import type { Tool } from "./tool.ts";

export const listFiles: Tool<"list_files"> = async (context, input) => {
  const normal = normalizePath(input.path);
  const folder = normal.ok ? normal.path : input.path;
  const kind = await context.files.kind(folder);
  if (kind === "missing") throw new AgentError("not_found", `${folder} does not exist.`);
  const all = await listTracked(context, { folder, glob: input.glob });
  const shown = all.slice(0, toolLimits.maxEntries).map(linePath);
  const more = all.length - shown.length;
  const lines = more > 0 ? [...shown, `(and ${more} more: narrow it with path or glob)`] : shown;
  const installed = dependencyFolderOf(context.workspace.dependencies, folder);
  const none =
    installed === undefined
      ? "(no files)"
      : `(${installed} holds installed dependencies, which are not listed; look at them with run_command, for example ls)`;
  const text = lines.length === 0 ? none : lines.join("\n");
  return { summary: `${all.length} files below ${folder}`, output: { text } };
};
