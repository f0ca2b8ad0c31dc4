// Every built-in tool by name: one line each.
import { applyPatch } from "./apply-patch.ts";
import { editFile } from "./edit-file.ts";
import { gitDiff, gitLog, gitStatus } from "./git-tools.ts";
import { listFiles } from "./list-files.ts";
import { readFile } from "./read-file.ts";
import { runCommand } from "./run-command.ts";
import { runTests } from "./run-tests.ts";
import { searchText } from "./search-text.ts";
import type { ToolRegistry } from "./tool.ts";
import { writeFile } from "./write-file.ts";

export const toolRegistry: ToolRegistry = {
  list_files: listFiles,
  read_file: readFile,
  search_text: searchText,
  edit_file: editFile,
  write_file: writeFile,
  apply_patch: applyPatch,
  run_command: runCommand,
  run_tests: runTests,
  git_status: gitStatus,
  git_diff: gitDiff,
  git_log: gitLog,
};
