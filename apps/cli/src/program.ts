// The command tree: one file a group in program/.
import { AgentError, exitCodes } from "@ossaat/contracts/errors";
import { Command, CommanderError } from "commander";

import { createAct, wordsOf } from "./program/act.ts";
import type { Act } from "./program/act.ts";
import { addCompletionCommands } from "./program/completion-commands.ts";
import { addConfigCommands } from "./program/config-commands.ts";
import { addDecideCommands } from "./program/decide-commands.ts";
import { addDoctorCommands } from "./program/doctor-commands.ts";
import { withExamples } from "./program/examples.ts";
import { addInspectCommands } from "./program/inspect-commands.ts";
import { addListCommands, addRunsCommand } from "./program/list-commands.ts";
import { addMoveCommands } from "./program/move-commands.ts";
import { addPolicyCommands } from "./program/policy-commands.ts";
import { addQueueCommands } from "./program/queue-commands.ts";
import { addResultCommands } from "./program/result-commands.ts";
import { addSetupCommands } from "./program/setup-commands.ts";
import { addSteerCommands } from "./program/steer-commands.ts";
import { addWorkCommands } from "./program/work-commands.ts";
import { reportOutside } from "./program/report-outside.ts";
import { version } from "./version.ts";

const exitCodeHelp = `
Exit codes:
  0 done, 1 conflict or internal, 2 usage, 3 run failed, 4 not allowed in, 5 denied, 6 not found,
  7 server out of reach, 8 budget or time over, 9 not ended: waits for approval, 130 cancelled or Ctrl+C, 143 SIGTERM`;

type CommandGroup = {
  /** Names for which the group alone is enough; completion needs the whole tree. */
  names: readonly string[];
  add: (program: Command, act: Act) => void;
};

/** In the order of `ossaat --help`. */
const commandGroups: readonly CommandGroup[] = [
  { names: ["plan", "run", "watch", "diff", "apply", "demo"], add: addWorkCommands },
  { names: ["open", "undo"], add: addResultCommands },
  { names: ["approve", "deny", "edit", "revise"], add: addDecideCommands },
  { names: ["runs"], add: addRunsCommand },
  { names: ["show", "logs"], add: addListCommands },
  { names: ["replay", "cancel", "pause", "resume", "retry", "clean"], add: addSteerCommands },
  { names: ["export", "import"], add: addMoveCommands },
  { names: ["policy"], add: addPolicyCommands },
  { names: ["cost", "context"], add: addInspectCommands },
  { names: ["agents", "new-agent", "up", "down", "status"], add: addSetupCommands },
  { names: ["plans", "queue", "dlq"], add: addQueueCommands },
  { names: ["config"], add: addConfigCommands },
  { names: ["doctor"], add: addDoctorCommands },
  { names: [], add: addCompletionCommands },
];

/** Errors of subcommands reach `runProgram` as well, at every depth, and are told by it alone. */
function throwErrors(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => undefined });
  for (const child of command.commands) throwErrors(child);
}

/** The deepest command that a command line names. */
function namedCommand(program: Command, words: readonly string[]): Command {
  const isNamed = (child: Command, word: string) => child.name() === word || child.aliases().includes(word);
  return words.reduce((at, word) => at.commands.find((child) => isNamed(child, word)) ?? at, program);
}

/**
 * The tree of commands. @param exit told the exit code of the command that ran
 * @param word when it is a command, only its group is built: building all takes as long as a small command
 */
export function createProgram(exit: (code: number) => void, word?: string): Command {
  const program = new Command("ossaat")
    .description("Turns a goal into a reviewed change: plan, approval, sandboxed run, branch with evidence.")
    .version(version)
    .option("--json", "one JSON document on stdout")
    .option("--output <format>", "text, json or ndjson")
    .option("-q, --quiet", "no progress and hints")
    .option("--color <when>", "auto, always or never")
    .option("--screen-reader", "plain words, a line a change, no redrawing")
    .option("--no-input", "never ask")
    .option("-C, --cd <folder>", "act as if called there")
    .option("--trace <file>", "write spans as JSON lines")
    .option("--dangerously-no-sandbox", "run the agents' commands with your own rights")
    .addHelpText("after", exitCodeHelp);
  const act = createAct(exit);
  const group = commandGroups.find(({ names }) => word !== undefined && names.includes(word));
  for (const { add } of group === undefined ? commandGroups : [group]) add(program, act);
  withExamples(
    program,
    ['ossaat plan "Reject negative amounts in parsePrice"', "read a plan, run nothing"],
    ['ossaat run "Let sum in src/sum.js add" --max-cost 1 --yes', "plan, approve, watch"],
    ["ossaat approve 3f2a --watch", "approve by the beginning of an id"],
    ["ossaat run - --yes --output ndjson < goal.txt", "in a script"],
    ["ossaat doctor", "when something is odd"],
  );
  throwErrors(program);
  return program;
}

/** What commander says of a command line that it cannot read is a request that is not valid. */
function usageError(thrown: unknown, command: Command): unknown {
  if (!(thrown instanceof CommanderError)) return thrown;
  // A group of commands that was named alone: its help is on the screen.
  if (thrown.code === "commander.help") {
    const names = command.commands.map((child) => child.name());
    const call = `ossaat ${wordsOf(command)}`;
    return new AgentError("invalid_input", `Name a subcommand of \`${call}\`: ${names.join(", ")}.`, {
      details: { next: `${call} ${names[0] ?? "--help"} --help` },
      cause: thrown,
    });
  }
  const message = thrown.message.replace(/^error: /, "").replaceAll("\n", " ");
  return new AgentError("invalid_input", message, { cause: thrown });
}

/** Reads a command line and runs it. @returns the exit code */
export async function parseAndRun(words: readonly string[]): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = createProgram((code) => (exitCode = code), words[0]);
  try {
    if (words.length === 0) {
      program.outputHelp({ error: true });
      return exitCodes.usage;
    }
    await program.parseAsync(words, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const command = namedCommand(program, words);
    return reportOutside(usageError(error, command), words, wordsOf(command));
  }
}
