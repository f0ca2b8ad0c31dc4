// Whether the text of a `Next:` line names a command that exists.
import type { createProgram } from "../../apps/cli/src/program.ts";

type Command = ReturnType<typeof createProgram>;

/** Programs besides ossaat that a person of this product has or can get. */
const otherPrograms = [
  "apt-get",
  "chmod",
  "df",
  "docker",
  "export",
  "git",
  "kubectl",
  "ls",
  "make",
  "mv",
  "openssl",
  "podman",
  "rm",
  "tail",
  "timedatectl",
  "ulimit",
  "unset",
  "wc",
];

/** The command lines a text names: those in backticks, or else the whole text. */
function commandLines(text: string): string[] {
  const quoted = [...text.matchAll(/`([^`]+)`/gu)].map(([, line = ""]) => line);
  return quoted.length > 0 ? quoted : [text];
}

function wordsOf(line: string): string[] {
  return [...line.matchAll(/"[^"]*"|\S+/gu)].map(([word]) => word);
}

function optionProblem(command: Command, word: string): string | undefined {
  const name = word.split("=")[0];
  for (let at: Command | null = command; at !== null; at = at.parent) {
    if (at.options.some((option) => option.long === name || option.short === name)) return undefined;
  }
  return name === "--help" ? undefined : `ossaat ${command.name()} has no ${name}`;
}

/** What is wrong with a line that begins with ossaat: a command or flag that does not exist. */
function ossaatProblem(program: Command, line: string): string | undefined {
  let at = program;
  for (const word of wordsOf(line).slice(1)) {
    if (/^--?[a-z]/u.test(word)) {
      const problem = optionProblem(at, word.replace(/[,.;:)]+$/u, ""));
      if (problem !== undefined) return problem;
      continue;
    }
    const child = at.commands.find((command) => command.name() === word.replace(/[,.;:]+$/u, ""));
    if (child !== undefined) at = child;
    else if (at.commands.length > 0 && /^[a-z-]+$/u.test(word)) return `there is no command ${word}`;
  }
  return undefined;
}

/** Why a text names no command that works, or undefined. */
export function nextProblem(text: string, program: Command): string | undefined {
  const lines = commandLines(text);
  const ofOssaat = lines.filter((line) => line.startsWith("ossaat "));
  for (const line of ofOssaat) {
    const problem = ossaatProblem(program, line);
    if (problem !== undefined) return problem;
  }
  const isCommand = (line: string) => otherPrograms.includes(line.split(" ")[0] ?? "") || line.startsWith("X ");
  return ofOssaat.length > 0 || lines.some(isCommand) ? undefined : "it names no command";
}
