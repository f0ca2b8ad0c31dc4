// Commands that steer plans, or run them again.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { addExamples } from "./examples.ts";
import type { Example } from "./examples.ts";
import { addBudget, onApproval } from "./shared-options.ts";

const examples: Readonly<Record<string, readonly Example[]>> = {
  replay: [
    ["ossaat replay", "the newest plan here"],
    ["ossaat replay 3f2a --json", "for a script; exit 3 when it differs"],
  ],
  cancel: [
    ["ossaat cancel", "the newest one under way"],
    ['ossaat cancel 3f2a --reason "wrong branch"', "with a reason for the log"],
  ],
  pause: [
    ["ossaat pause", "the newest one under way"],
    ['ossaat pause 3f2a --reason "release freeze"', "with a reason for the log"],
  ],
  resume: [
    ["ossaat resume", "the newest one under way"],
    ["ossaat resume 3f2a --json", "in a script"],
  ],
  retry: [
    ["ossaat retry --detach", "the newest one here"],
    ["ossaat retry 3f2a --from test --max-cost 2", "from one step, with another cap"],
  ],
  clean: [
    ["ossaat clean --dry-run", "what would be removed, and how many bytes"],
    ["ossaat clean --older-than 7 --yes", "of plans that ended a week ago"],
    ["ossaat clean 3f2a --yes", "of one plan"],
  ],
};

/** replay, cancel, pause, resume, retry, clean */
export function addSteerCommands(program: Command, act: Act): void {
  program.commandsGroup("Manage:");
  program
    .command("replay [plan]")
    .description("run recorded model turns against this version, and show where it behaves otherwise")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/replay.ts")).replayCommand(plan as string, flags, context),
      ),
    );
  for (const name of ["cancel", "pause"] as const) {
    program
      .command(`${name} [plan]`)
      .description(name === "cancel" ? "stop a plan for good" : "start no further step until resumed")
      .option("--reason <text>", "kept in the log")
      .action(
        act(async (context, [plan], flags) => {
          const { cancelCommand, pauseCommand } = await import("../commands/steer.ts");
          return (name === "cancel" ? cancelCommand : pauseCommand)(plan as string, flags, context);
        }),
      );
  }
  program
    .command("resume [plan]")
    .description("go on after a pause")
    .action(
      act(async (context, [plan]) => (await import("../commands/steer.ts")).resumeCommand(plan as string, context)),
    );
  addBudget(program.command("retry [plan]").description("run what did not succeed again, as a new plan"))
    .option("--from <step>", "begin again from this step")
    .option("--detach", "print the id and return at once")
    .addOption(onApproval())
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/steer.ts")).retryCommand(plan as string, flags, context),
      ),
    );
  addClean(program, act);
  addExamples(program, examples);
}

function addClean(program: Command, act: Act): void {
  program
    .command("clean [plan]")
    .description("remove working trees and build caches of ended plans, of every repository")
    .option("--older-than <days>", "that ended so long ago", "0")
    .option("--dry-run", "say what would be removed, and remove nothing")
    .option("-y, --yes", "do not ask")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/clean.ts")).cleanCommand(plan as string, flags, context),
      ),
    );
}
