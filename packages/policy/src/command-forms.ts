// The commands that one argv may run, for rules that deny or ask: a rule about `rm` has to meet
// `env rm`, `/bin/rm` and `sh -c "cd x; rm y"` too. It may see too many forms, never too few of
// these; what a script of the repository runs is beyond it, and the sandbox's to bound.
import { isCommandWrapper, programName } from "./commands.ts";
import { policyLimits } from "./limits.ts";

function scriptWords(text: string): string[] {
  return text.split(/[\s;&|()`{}<>]+|\$\(/u).flatMap((word) => {
    const bare = word.replaceAll(/["'\\]/gu, "");
    return bare === "" ? [] : [bare];
  });
}

const suffixes = (words: readonly string[]) => words.map((_, index) => words.slice(index));

function named(form: readonly string[]): string[][] {
  const [program, ...rest] = form;
  if (program === undefined) return [];
  const name = programName(program);
  return name === program ? [[...form]] : [[...form], [name, ...rest]];
}

/** The argv itself first, then what a wrapper, a shell or an interpreter in it may run. */
export function commandForms(argv: readonly string[]): string[][] {
  const forms: string[][] = [[...argv]];
  const isWrapper = isCommandWrapper(argv[0] ?? "");
  if (isWrapper) forms.push(...suffixes(argv.slice(1)));
  for (const word of argv.slice(1)) if (isWrapper && /\s/u.test(word)) forms.push(...suffixes(scriptWords(word)));
  return forms.flatMap(named).slice(0, policyLimits.maxCommandForms);
}
