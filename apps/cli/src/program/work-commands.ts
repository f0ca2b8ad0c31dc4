// Commands that make and follow a change.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { addPlanning, onApproval } from "./shared-options.ts";

/** plan, run, watch, diff, apply, demo */
export function addWorkCommands(program: Command, act: Act): void {
  program.commandsGroup("Work:");
  addPlanning(program.command("plan [goal...]").description("propose a plan for a goal; nothing runs")).action(
    act(async (context, [words], flags) =>
      (await import("../commands/plan.ts")).planCommand(words as string[], flags, context),
    ),
  );
  addPlanning(program.command("run [goal...]").description("plan, approve on the spot, watch to the end"))
    .option("-y, --yes", "approve the plan as it is proposed")
    .addOption(onApproval())
    .action(
      act(async (context, [words], flags) =>
        (await import("../commands/run.ts")).runCommand(words as string[], flags, context),
      ),
    );
  program
    .command("watch [plan]")
    .description("follow a plan and answer its questions")
    .addOption(onApproval())
    .action(
      act(async (context, [plan]) => (await import("../commands/watch.ts")).watchCommand(plan as string, context)),
    );
  program
    .command("diff [plan]")
    .description("what changed; a plain patch into a pipe")
    .option("--step <id>", "of one step")
    .option("--stat", "files and counts only")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/diff.ts")).diffCommand(plan as string, flags, context),
      ),
    );
  program
    .command("apply [plan]")
    .description("fast-forward your branch to the result")
    .option("--patch", "apply as uncommitted changes instead")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/apply.ts")).applyCommand(plan as string, flags, context),
      ),
    );
  program
    .command("demo")
    .description("the whole job on a sample repository with a scripted model")
    .option("--dir <folder>", "where to put the sample (default: a temporary folder)")
    .option("--no-kill", "do not kill the server in the middle")
    .action(act(async (context, _args, flags) => (await import("../commands/demo.ts")).demoCommand(flags, context)));
}
