// Commands that answer a plan or a request.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { addExamples } from "./examples.ts";
import type { Example } from "./examples.ts";
import { onApproval } from "./shared-options.ts";

const examples: Readonly<Record<string, readonly Example[]>> = {
  approve: [
    ["ossaat approve 3f2a --watch", "a plan, by the beginning of its id"],
    ["ossaat approve approval-9c41 --scope step", "a request, for the rest of the step"],
  ],
  deny: [
    ['ossaat deny 3f2a --reason "too wide"', "a plan"],
    ['ossaat deny approval-9c41 --reason "use the standard library"', "a request; the agent reads why"],
  ],
  edit: [
    ["ossaat edit 3f2a", "the plan.json that you changed, or your editor"],
    ["ossaat edit 3f2a --file plan.json", "another file"],
  ],
  revise: [
    ['ossaat revise 3f2a "keep the public names"', "another plan for the same goal"],
    ['ossaat revise 3f2a "one step is enough" --json', "in a script"],
  ],
};

/** approve, deny, edit, revise */
export function addDecideCommands(program: Command, act: Act): void {
  program.commandsGroup("Decide:");
  program
    .command("approve [id]")
    .description("approve a plan, or a request outside its envelope; without an id the one that waits here")
    .option("--hash <hash>", "only if this is still what you were shown")
    .option("--scope <scope>", "for a request: once, step or run", "once")
    .option("--comment <text>", "kept with the approval")
    .option("-m, --model <model>", "model that runs the plan")
    .option("-w, --watch", "watch the run afterwards")
    .option("-y, --yes", "do not ask again on a terminal")
    .addOption(onApproval())
    .action(
      act(async (context, [id], flags) =>
        (await import("../commands/approve.ts")).approveCommand(id as string | undefined, flags, context),
      ),
    );
  program
    .command("deny [id]")
    .description("reject a plan, or deny a request; without an id the one that waits here")
    .option("--hash <hash>", "only if this is still what you were shown")
    .option("--reason <text>", "goes back to the agent")
    .option("--replan", "stop the step and plan again; needs --reason")
    .action(
      act(async (context, [id], flags) =>
        (await import("../commands/approve.ts")).denyCommand(id as string | undefined, flags, context),
      ),
    );
  program
    .command("edit [plan]")
    .description("store an edited plan.json as a new revision")
    .option("--file <file>", "another file than the plan's own")
    .action(
      act(async (context, [plan], flags) =>
        (await import("../commands/steer.ts")).editCommand(plan as string, flags, context),
      ),
    );
  program
    .command("revise <plan> <feedback>")
    .description("ask the planner for a change of the plan")
    .action(
      act(async (context, [plan, feedback]) =>
        (await import("../commands/steer.ts")).reviseCommand(plan as string, feedback as string, context),
      ),
    );
  addExamples(program, examples);
}
