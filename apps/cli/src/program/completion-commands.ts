// Commands that a shell's completion is made of.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { withExamples } from "./examples.ts";

/** completion, and the hidden __complete */
export function addCompletionCommands(program: Command, act: Act): void {
  const completion = program
    .command("completion <shell>")
    .description("a script for bash, zsh or fish that completes commands, flags and plan ids")
    .action(
      act(async (context, [shell]) =>
        (await import("../commands/completion.ts")).completionCommand(shell as string, context),
      ),
    );
  withExamples(
    completion,
    ["ossaat completion bash > ossaat.bash", "then: source ossaat.bash"],
    ["ossaat completion fish > ossaat.fish", "fish reads it from ~/.config/fish/completions"],
  );
  program
    .command("__complete [words...]", { hidden: true })
    .action(
      act(
        async (context, [words]) =>
          (await import("../commands/completion.ts")).completeCommand(program, words as string[], context),
        { isForgiving: true },
      ),
    );
}
