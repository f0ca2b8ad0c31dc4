// Runs a command: flags → context → action → exit code. The action's code is imported when the
// command is called, so that `--version` and `--help` load next to nothing.
import type { Command } from "commander";

import type { CommandContext, CommonFlags } from "../command-context.ts";

export type Action = (context: CommandContext, args: unknown[], flags: never) => Promise<number>;

export type ActOptions = {
  /** Run even when settings cannot be read, to tell what is wrong with them. */
  isForgiving?: boolean;
};

/** Turns an action into a handler of commander. */
export type Act = (action: Action, options?: ActOptions) => (...all: unknown[]) => Promise<void>;

/** Name of a command below the program, such as `config set`. */
export function wordsOf(command: Command): string {
  const above = command.parent;
  return above === null ? "" : `${wordsOf(above)} ${command.name()}`.trim();
}

type Call = { command: string; args: unknown[]; flags: CommonFlags };

/** @returns its exit code @throws AgentError when its settings cannot be read */
export async function runAction(action: Action, call: Call, options: ActOptions = {}): Promise<number> {
  const { createContext } = await import("../command-context.ts");
  const context = await createContext(call.flags, options);
  try {
    return await action(context, call.args, call.flags as never);
  } catch (error) {
    const { reportError } = await import("../terminal/output.ts");
    return reportError(error, { ...context.output, command: call.command });
  }
}

/** @param exit told the exit code of the command that ran */
export function createAct(exit: (code: number) => void): Act {
  return (action, options) =>
    async (...all) => {
      const command = all.at(-1) as Command;
      const call = { command: wordsOf(command), args: all.slice(0, -2), flags: command.optsWithGlobals<CommonFlags>() };
      exit(await runAction(action, call, options));
    };
}
