// Commands of those who run a server: its queue, and the messages that nobody handled.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { withExamples } from "./examples.ts";

/** queue status */
function addQueue(program: Command, act: Act): void {
  const queue = program.command("queue").description("what carries the jobs");
  withExamples(
    queue,
    ["ossaat queue status", "whether it takes messages, and what waits"],
    ["ossaat queue status --json", "for a monitor"],
  );
  const status = queue
    .command("status")
    .description("health, messages that wait, dead letters; exit 7 when it takes none")
    .action(act(async (context) => (await import("../commands/queue.ts")).queueStatusCommand(context)));
  withExamples(
    status,
    ["ossaat queue status", "whether it takes messages, and what waits"],
    ["ossaat queue status --json", "for a monitor"],
  );
}

/** dlq list, dlq show */
function addLetterLooks(dlq: Command, act: Act): void {
  const list = dlq
    .command("list")
    .description("dead letters, oldest first, each with its reason")
    .option("--plan <id>", "only those about this plan")
    .option("--reason <text>", "only those whose reason has these words")
    .option("--limit <n>", "at most so many, up to 10000", "1000")
    .action(
      act(async (context, _args, flags) => (await import("../commands/queue.ts")).listLettersCommand(flags, context)),
    );
  withExamples(
    list,
    ["ossaat dlq list", "for a person"],
    ["ossaat dlq list --reason too --limit 10000", "all that died of the same"],
    ["ossaat dlq list --json", "for a program"],
  );
  const show = dlq
    .command("show <letter>")
    .description("one of them, with the message as it was found")
    .action(
      act(async (context, [letter]) =>
        (await import("../commands/queue.ts")).showLetterCommand(letter as string, context),
      ),
    );
  withExamples(
    show,
    ["ossaat dlq show 7c1e93b0", "by the beginning of an id"],
    ["ossaat dlq show 7c1e93b0 --json", "for a program"],
  );
}

const all = ["--all", "all that fit --plan and --reason; without these all there are"] as const;

/** dlq requeue, dlq drop */
function addLetterDeeds(dlq: Command, act: Act): void {
  const requeue = dlq
    .command("requeue [letter...]")
    .description("give messages back to their queue, some by name or all that fit")
    .option(...all)
    .option("--plan <id>", "with --all: only those about this plan")
    .option("--reason <text>", "with --all: only those whose reason has these words")
    .action(
      act(async (context, [letters], flags) =>
        (await import("../commands/queue.ts")).decideLettersCommand(letters as string[], "requeue", { flags, context }),
      ),
    );
  withExamples(
    requeue,
    ["ossaat dlq requeue 7c1e93b0", "once the reason is mended"],
    ["ossaat dlq requeue --all --reason too", "all that died of it"],
    ["ossaat dlq requeue --all --plan 3f2a --json", "those of one plan"],
  );
  const drop = dlq
    .command("drop [letter...]")
    .description("forget messages; a step that one announced is announced again while it is ready")
    .option(...all)
    .option("--plan <id>", "with --all: only those about this plan")
    .option("--reason <text>", "with --all: only those whose reason has these words")
    .option("-y, --yes", "with --all: do not ask")
    .action(
      act(async (context, [letters], flags) =>
        (await import("../commands/queue.ts")).decideLettersCommand(letters as string[], "drop", { flags, context }),
      ),
    );
  withExamples(
    drop,
    ["ossaat dlq drop 7c1e93b0", "one that means nothing any more"],
    ["ossaat dlq drop --all --plan 3f2a --yes", "those of one plan"],
    ["ossaat dlq drop 7c1e93b0 --json", "for a program"],
  );
}

/** dlq list, dlq show, dlq requeue, dlq drop */
function addDeadLetters(program: Command, act: Act): void {
  const dlq = program.command("dlq").description("messages that nobody handled: dead letters");
  withExamples(
    dlq,
    ["ossaat dlq list", "which there are, and why"],
    ["ossaat dlq requeue --all", "once the reason is mended"],
  );
  addLetterLooks(dlq, act);
  addLetterDeeds(dlq, act);
}

/** plans reconcile */
function addPlans(program: Command, act: Act): void {
  const plans = program.command("plans").description("the plans as the server has them recorded");
  withExamples(
    plans,
    ["ossaat plans reconcile", "what differs from what is there"],
    ["ossaat plans reconcile --apply", "and mend it"],
  );
  const reconcile = plans
    .command("reconcile")
    .description("find what differs between record and reality; exit 3 when something does")
    .option("--apply", "mend it")
    .action(
      act(async (context, _args, flags) => (await import("../commands/reconcile.ts")).reconcileCommand(flags, context)),
    );
  withExamples(
    reconcile,
    ["ossaat plans reconcile", "look, and change nothing"],
    ["ossaat plans reconcile --apply", "mend what is found"],
    ["ossaat plans reconcile --json", "for a monitor"],
  );
}

/** plans, queue, dlq */
export function addQueueCommands(program: Command, act: Act): void {
  program.commandsGroup("Manage:");
  addPlans(program, act);
  addQueue(program, act);
  addDeadLetters(program, act);
}
