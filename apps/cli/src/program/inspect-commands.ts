// Commands that look into a run.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { withExamples } from "./examples.ts";

/** cost, context */
export function addInspectCommands(program: Command, act: Act): void {
  program.commandsGroup("Manage:");
  const cost = program
    .command("cost [plan]")
    .description("tokens and money by plan, step and model")
    .option("--since <time>", "plans made in this time: 90m, 24h, 7d, 2w or a date")
    .option("--all", "of every repository")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/cost.ts")).costCommand(plan as string, flags, context),
      ),
    );
  withExamples(
    cost,
    ["ossaat cost 3f2a", "one plan, step by step"],
    ["ossaat cost --since 7d --all --json", "a week, for a report"],
  );
  const context = program
    .command("context [plan]")
    .description("what was sent to the model, and why")
    .option("--step <id>", "of one step")
    .option("--turn <n>", "one turn, every part whole")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/context.ts")).contextCommand(plan as string, flags, context),
      ),
    );
  withExamples(
    context,
    ["ossaat context 3f2a", "the parts of every turn and their size"],
    ["ossaat context 3f2a --step test --turn 1", "one request, whole"],
  );
}
