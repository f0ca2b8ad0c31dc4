// Commands that move a plan to another server.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { withExamples } from "./examples.ts";

/** export, import */
export function addMoveCommands(program: Command, act: Act): void {
  program.commandsGroup("Manage:");
  const write = program
    .command("export [plan]")
    .description("write a plan with its log, artifacts and commits into one file")
    .option("--file <file>", "where to (default: PLAN.ossaat.tar, here)")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/export.ts")).exportCommand(plan as string, flags, context),
      ),
    );
  withExamples(
    write,
    ["ossaat export", "the newest plan here"],
    ["ossaat export 3f2a --file plan.tar && tar -tf plan.tar", "and what is in it"],
  );
  const read = program
    .command("import <file>")
    .description("take a plan over from a file of `ossaat export`; it goes on in this repository")
    .action(
      act(async (context, [file]) => (await import("../commands/import.ts")).importCommand(file as string, context)),
    );
  withExamples(
    read,
    ["ossaat import plan.ossaat.tar", "into this repository"],
    ["ossaat import plan.ossaat.tar --json", "for a program"],
  );
}
