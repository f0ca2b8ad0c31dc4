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

/** dlq list, dlq show, dlq requeue, dlq drop */
function addDeadLetters(program: Command, act: Act): void {
  const dlq = program.command("dlq").description("messages that nobody handled: dead letters");
  withExamples(
    dlq,
    ["ossaat dlq list", "which there are, and why"],
    ["ossaat dlq requeue letter-7c1e", "once the reason is mended"],
  );
  const list = dlq
    .command("list")
    .description("dead letters, oldest first, each with its reason")
    .action(act(async (context) => (await import("../commands/queue.ts")).listLettersCommand(context)));
  withExamples(list, ["ossaat dlq list", "for a person"], ["ossaat dlq list --json", "for a program"]);
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
    ["ossaat dlq show letter-7c1e", "by the beginning of an id"],
    ["ossaat dlq show letter-7c1e --json", "for a program"],
  );
  const requeue = dlq
    .command("requeue <letter>")
    .description("give the message back to its queue")
    .action(
      act(async (context, [letter]) =>
        (await import("../commands/queue.ts")).decideLetterCommand(letter as string, "requeue", context),
      ),
    );
  withExamples(
    requeue,
    ["ossaat dlq requeue letter-7c1e", "once the reason is mended"],
    ["ossaat dlq requeue letter-7c1e --json", "for a program"],
  );
  const drop = dlq
    .command("drop <letter>")
    .description("forget the message; the step it announced is announced again while it is ready")
    .action(
      act(async (context, [letter]) =>
        (await import("../commands/queue.ts")).decideLetterCommand(letter as string, "drop", context),
      ),
    );
  withExamples(
    drop,
    ["ossaat dlq drop letter-7c1e", "one that means nothing any more"],
    ["ossaat dlq drop letter-7c1e --json", "for a program"],
  );
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
