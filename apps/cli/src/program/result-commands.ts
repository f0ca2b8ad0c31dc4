// Commands that look at a result, and take it back.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { withExamples } from "./examples.ts";

/** open, undo */
export function addResultCommands(program: Command, act: Act): void {
  program.commandsGroup("Work:");
  const open = program
    .command("open [plan]")
    .description("the branch of a plan in your editor, or the working tree of a step")
    .option("--step <id>", "of one step, while it is there")
    .option("--print", "print the folder and open nothing")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/open.ts")).openCommand(plan as string, flags, context),
      ),
    );
  withExamples(open, ["ossaat open", "the newest plan here"], ['cd "$(ossaat open --print)"', "in a shell"]);
  const undo = program
    .command("undo [plan]")
    .description("take back what apply did, or the branch of a plan that was never applied")
    .option("-y, --yes", "do not ask")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/undo.ts")).undoCommand(plan as string, flags, context),
      ),
    );
  withExamples(
    undo,
    ["ossaat undo --yes", "the newest result here"],
    ["ossaat undo 3f2a --yes", "by the beginning of an id"],
  );
}
