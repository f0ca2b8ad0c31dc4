// One command line, from its words to its exit code. The tree of commands is loaded when it is needed.
import { runAction } from "./program/act.ts";
import type { Action } from "./program/act.ts";
import { listRuns } from "./program/list-runs.ts";
import { reportOutside } from "./program/report-outside.ts";

/** Commands that need no parser when there is no word but their name: loading one takes longer than they do. */
const bareCommands: ReadonlyMap<string, Action> = new Map([["runs", listRuns]]);

/** Runs one command line and returns the exit code. */
export async function runProgram(words: readonly string[]): Promise<number> {
  const [word = ""] = words;
  const bare = words.length === 1 ? bareCommands.get(word) : undefined;
  if (bare === undefined) return (await import("./program.ts")).parseAndRun(words);
  return runAction(bare, { command: word, args: [], flags: {} }).catch((error: unknown) =>
    reportOutside(error, words, word),
  );
}
