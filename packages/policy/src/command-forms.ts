// The commands that one argv may run, for rules that deny or ask: a rule about `rm` has to meet
// `env rm`, `/bin/rm`, `npm exec -- rm` and `sh -c "cd x; rm y"` too. It may see too many, never too
// few of these; what a script of the repository or the code behind `python -c` runs is beyond it,
// and the sandbox's to bound.
import { programName, wrappedFrom } from "./commands.ts";
import { policyLimits } from "./limits.ts";

/** What was read of one argv. `isWhole` is false when it holds more words than are read. */
export type CommandForms = { lists: readonly (readonly string[])[]; isWhole: boolean };

/** Words of a shell's text. A value that a setting or an option is given may be one too: `--exec=rm x`. */
function scriptWords(text: string): string[] {
  const spaced = text.replace(/^([\w.-]+)=!?/u, "$1 ").replaceAll(/\$\{?IFS\}?/gu, " ");
  return spaced.split(/[\s;&|()`{}<>]+/u).flatMap((word) => {
    const bare = word.replaceAll(/["'\\]|\$$/gu, "");
    return bare === "" ? [] : [bare];
  });
}

/** A word as it stands, and, where it may be a script or an assignment, the words inside of it. */
function scriptsOf(word: string): string[][] {
  const words = scriptWords(word);
  return words.length === 1 && words[0] === word ? [] : [words];
}

/**
 * Reads an argv: the words of the command itself, then those of every script a wrapper, a shell or
 * another runner in it is given. A command may begin at any word of the lists but the first one's.
 */
export function readCommand(argv: readonly string[]): CommandForms {
  const from = wrappedFrom(argv);
  if (from === undefined) return { lists: [argv], isWhole: true };
  const lists: (readonly string[])[] = [argv, argv.slice(from)];
  let left = policyLimits.maxCommandWords - argv.length;
  for (const word of argv.slice(from)) {
    for (const words of left < 0 ? [] : scriptsOf(word)) {
      lists.push(words);
      left -= words.length;
    }
  }
  return { lists, isWhole: left >= 0 };
}

const beginsWith = (words: readonly string[], at: number, wanted: readonly string[]) =>
  wanted.every((word, index) => words[at + index] === word || (index === 0 && programName(words[at] ?? "") === word));

/** Whether a command of this prefix may be among those an argv runs. */
export function mayRun({ lists, isWhole }: CommandForms, prefix: string): boolean {
  const wanted = prefix.split(/\s+/u).filter((word) => word !== "");
  const [itself = [], ...inside] = lists;
  return (
    !isWhole ||
    beginsWith(itself, 0, wanted) ||
    inside.some((words) => words.some((_, index) => beginsWith(words, index, wanted)))
  );
}
