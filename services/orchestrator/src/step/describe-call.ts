// One line about a tool call, for people.
import { toolInputs } from "@ossaat/contracts";
import type { ToolName } from "@ossaat/contracts";

function field(input: unknown, name: string): string {
  const value: unknown = (input as Record<string, unknown> | null)?.[name];
  return typeof value === "string" ? value : "";
}

/** For example `edit src/app.ts` or `run npm test`. `input` has passed the tool's schema. */
export function describeCall(tool: ToolName, input: unknown): string {
  switch (tool) {
    case "list_files":
      return `list ${field(input, "path")}`;
    case "read_file":
      return `read ${field(input, "path")}`;
    case "search_text":
      return `search "${field(input, "pattern").slice(0, 60)}"`;
    case "edit_file":
      return `edit ${field(input, "path")}`;
    case "write_file":
      return `write ${field(input, "path")}`;
    case "apply_patch":
      return "apply a patch";
    case "run_command":
      return `run ${toolInputs.run_command.parse(input).argv.join(" ").slice(0, 120)}`;
    case "run_tests":
      return "run the tests";
    case "git_status":
      return "look at changed files";
    case "git_diff":
      return "look at the diff";
    case "git_log":
      return "look at the history";
  }
}
