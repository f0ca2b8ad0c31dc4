// Examples in the help of commands: kept as data, so that a test can run every one of them.
import type { Command } from "commander";

/** A line of a shell, and what it is for. */
export type Example = readonly [line: string, purpose: string];

const known = new WeakMap<Command, readonly Example[]>();

function render(examples: readonly Example[]): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const rows = examples.map(([line, purpose]) => `  ${line.padEnd(width)}  # ${purpose}`);
  return ["", "Examples:", ...rows].join("\n");
}

/** Shows examples below the help of a command. */
export function withExamples(command: Command, ...examples: readonly Example[]): Command {
  known.set(command, examples);
  return command.addHelpText("after", () => render(examples));
}

/** The examples of one command. */
export function examplesOf(command: Command): readonly Example[] {
  return known.get(command) ?? [];
}

/** Adds examples to commands of a group by their names. @throws TypeError for a name that is no command */
export function addExamples(program: Command, examples: Readonly<Record<string, readonly Example[]>>): void {
  for (const [name, list] of Object.entries(examples)) {
    const command = program.commands.find((candidate) => candidate.name() === name);
    if (command === undefined) throw new TypeError(`there is no command ${name}`);
    withExamples(command, ...list);
  }
}

/** Every command that does something, with its whole name. */
export function listCommands(command: Command, prefix = ""): { name: string; command: Command }[] {
  return command.commands.flatMap((child) => {
    const name = `${prefix}${child.name()}`;
    if (child.name().startsWith("__")) return [];
    const own = { name, command: child };
    return child.commands.length === 0 ? [own] : [own, ...listCommands(child, `${name} `)];
  });
}
