// Commands that make and follow a change.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { addExamples } from "./examples.ts";
import type { Example } from "./examples.ts";
import { addPlanning, onApproval } from "./shared-options.ts";

const examples: Readonly<Record<string, readonly Example[]>> = {
  plan: [
    ['ossaat plan "Reject negative amounts in parsePrice"', "read a plan, run nothing"],
    ["ossaat plan - --max-cost 1 < goal.txt", "a longer goal, with a cap in US dollars"],
    ['ossaat plan "Mend the build" --priority high', "before everything of yours that waits"],
  ],
  run: [
    ['ossaat run "Let sum in src/sum.js add" --yes', "plan, approve unseen, watch to the end"],
    ["ossaat run - --yes --output ndjson < goal.txt", "in a script, one event a line"],
    ['ossaat run "Let sum in src/sum.js add" --model scripted:replies.json --yes', "no key, recorded replies"],
  ],
  watch: [
    ["ossaat watch", "the newest one under way"],
    ["ossaat watch 3f2a --on-approval deny", "deny what it asks for"],
  ],
  diff: [
    ["ossaat diff", "the newest result here"],
    ["ossaat diff 3f2a > change.patch", "a plain patch"],
  ],
  apply: [
    ["ossaat apply", "fast-forward to the newest result here"],
    ["ossaat apply 3f2a --patch", "as uncommitted changes"],
  ],
  demo: [
    ["ossaat demo", "in a temporary folder"],
    ["ossaat demo --dir sample --no-kill", "where you can look at it, without the crash"],
  ],
};

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
    .option("--store <url>", "PostgreSQL database for its plan (default: a file beside the sample)")
    .action(act(async (context, _args, flags) => (await import("../commands/demo.ts")).demoCommand(flags, context)));
  addExamples(program, examples);
}
