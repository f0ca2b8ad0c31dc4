// Commands that list plans and show one.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { addExamples, withExamples } from "./examples.ts";
import type { Example } from "./examples.ts";
import { listRuns } from "./list-runs.ts";

const runsExamples: readonly Example[] = [
  ["ossaat runs", "of this repository"],
  ["ossaat runs --all --limit 5 --json", "of every one, for a program"],
];

const examples: Readonly<Record<string, readonly Example[]>> = {
  show: [
    ["ossaat show", "the newest plan here"],
    ["ossaat show 3f2a --evidence > evidence.json", "what was checked, and how"],
  ],
  logs: [
    ["ossaat logs --outputs", "with what commands printed"],
    ["ossaat logs 3f2a --step fix --json", "the events of one step"],
  ],
};

/** runs: alone, because it is asked most often and is over before the others would be built. */
export function addRunsCommand(program: Command, act: Act): void {
  program.commandsGroup("Manage:");
  const command = program
    .command("runs")
    .description("list the plans of this repository")
    .option("--all", "of every repository")
    .option("--limit <n>", "at most so many", "20")
    .action(act(listRuns));
  withExamples(command, ...runsExamples);
}

/** show, logs */
export function addListCommands(program: Command, act: Act): void {
  program.commandsGroup("Manage:");
  program
    .command("show [id]")
    .description("a plan and how far it is, or a request")
    .option("--plan", "the plan only")
    .option("--evidence", "the evidence as JSON")
    .action(
      act(async (context, [id], flags) =>
        (await import("../commands/show.ts")).showCommand(id as string, flags, context),
      ),
    );
  program
    .command("logs [plan]")
    .description("the event log")
    .option("-f, --follow", "go on as it grows")
    .option("--step <id>", "of one step")
    .option("--since <seq>", "after this event number")
    .option("--outputs", "with the output of commands")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/logs.ts")).logsCommand(plan as string, flags, context),
      ),
    );
  addExamples(program, examples);
}
