// What models get wrong in search and replace: each entry makes the faulty call, and the true
// result where the mistake touches the file, from one true change.
import { afterOf } from "./edit-case.ts";
import type { Seed } from "./edit-case.ts";
import { confusedMistakes } from "./confused-mistakes.ts";
import {
  contextLine,
  ends,
  hasPlain,
  inAdded,
  indent,
  isBlankLine,
  mixedEnds,
  send,
  sendBoth,
  toCurly,
  unitOf,
  usesTabs,
  withLine,
  withRegion,
} from "./seed-lines.ts";
import type { Made, Mistake } from "./seed-lines.ts";

const notBlank = (change: (line: string) => string) => (line: string) => (isBlankLine(line) ? line : change(line));
const minIndent = (lines: readonly string[]): number =>
  Math.min(...lines.filter((line) => !isBlankLine(line)).map((line) => indent(line).length));

/** A context line changed in the file alone. */
function inFile(seed: Seed, fits: (line: string) => boolean, change: (line: string) => string): Made | undefined {
  const index = contextLine(seed, fits);
  if (index === undefined) return undefined;
  const added = withLine(seed.added, inAdded(seed, index), change);
  return {
    edit: send(seed),
    before: withRegion(seed, withLine(seed.old, index, change)),
    after: withRegion(seed, added),
  };
}

/** A context line changed in the edit alone. */
function inEdit(seed: Seed, fits: (line: string) => boolean, change: (line: string) => string): Made | undefined {
  const index = contextLine(seed, fits);
  if (index === undefined) return undefined;
  return {
    edit: send(seed, withLine(seed.old, index, change), withLine(seed.added, inAdded(seed, index), change)),
  };
}

const lineEndMistakes: Mistake[] = [
  { group: "search: exact", expected: "apply", make: (seed) => ({ edit: send(seed) }) },
  {
    group: "search: exact with a line break at the end",
    expected: "apply",
    make: (seed) => ({ edit: send(seed, [...seed.old, ""], [...seed.added, ""]) }),
  },
  {
    group: "search: CRLF file",
    expected: "apply",
    make: (seed) => ({
      edit: send(seed),
      texts: { before: ends(seed.lines, "\r\n"), after: ends(afterOf(seed), "\r\n") },
    }),
  },
  {
    group: "search: CRLF edit",
    expected: "apply",
    make: (seed) => {
      const crlf = (lines: readonly string[]) => lines.map((line, at) => (at < lines.length - 1 ? `${line}\r` : line));
      return { edit: send(seed, crlf(seed.old), crlf(seed.added)) };
    },
  },
  {
    group: "search: mixed line ends",
    expected: "apply",
    make: (seed) => {
      const texts = mixedEnds(seed);
      return texts === undefined ? undefined : { edit: send(seed), texts };
    },
  },
  {
    group: "search: byte order mark",
    expected: "apply",
    make: (seed) => ({
      edit: send(seed),
      texts: { before: `\uFEFF${ends(seed.lines, "\n")}`, after: `\uFEFF${ends(afterOf(seed), "\n")}` },
    }),
  },
  {
    group: "search: no line break at the end of the file",
    expected: "apply",
    make: (seed) => ({ edit: send(seed), before: seed.lines.slice(0, -1), after: afterOf(seed).slice(0, -1) }),
  },
];

const spaceMistakes: Mistake[] = [
  {
    group: "search: trailing space in the edit",
    expected: "apply",
    make: (seed) =>
      inEdit(
        seed,
        (line) => !isBlankLine(line),
        (line) => `${line}  `,
      ),
  },
  {
    group: "search: trailing space in the file",
    expected: "apply",
    make: (seed) =>
      inFile(
        seed,
        (line) => !isBlankLine(line),
        (line) => `${line} \t`,
      ),
  },
  {
    group: "search: look-alike characters in the file",
    expected: "apply",
    make: (seed) => inFile(seed, hasPlain, toCurly),
  },
  {
    group: "search: look-alike characters in the edit",
    expected: "apply",
    make: (seed) => inEdit(seed, hasPlain, toCurly),
  },
  {
    group: "search: no-break space in the file",
    expected: "apply",
    make: (seed) =>
      inFile(
        seed,
        (line) => /\S \S/u.test(line),
        (line) => line.replace(/(?<=\S) (?=\S)/u, "\u00A0"),
      ),
  },
];

const indentMistakes: Mistake[] = [
  {
    group: "search: block without its indentation",
    expected: "either",
    make: (seed) => {
      const width = minIndent([...seed.old, ...seed.added]);
      return width === 0
        ? undefined
        : {
            edit: sendBoth(
              seed,
              notBlank((line) => line.slice(width)),
            ),
          };
    },
  },
  {
    group: "search: block indented too far",
    expected: "either",
    make: (seed) => {
      const more = usesTabs(seed) ? "\t" : " ".repeat(unitOf(seed));
      return {
        edit: sendBoth(
          seed,
          notBlank((line) => more + line),
        ),
      };
    },
  },
  {
    group: "search: tabs sent as four spaces",
    expected: "either",
    make: (seed) => {
      if (!usesTabs(seed) || minIndent(seed.old) === 0) return undefined;
      return { edit: sendBoth(seed, (line) => line.replace(/^\t+/u, (tabs) => "    ".repeat(tabs.length))) };
    },
  },
  {
    group: "search: spaces sent as tabs",
    expected: "either",
    make: (seed) => {
      const unit = unitOf(seed);
      if (unit === 0 || minIndent(seed.old) === 0) return undefined;
      const swap = (line: string) => line.replace(/^ +/u, (spaces) => "\t".repeat(Math.round(spaces.length / unit)));
      return { edit: sendBoth(seed, swap) };
    },
  },
  {
    group: "search: two spaces for four, four for two",
    expected: "either",
    make: (seed) => {
      const unit = unitOf(seed);
      if (unit === 0 || minIndent(seed.old) === 0) return undefined;
      const swap = (line: string) => line.replace(/^ +/u, (all) => " ".repeat(all.length * (unit === 4 ? 0.5 : 2)));
      return { edit: sendBoth(seed, swap) };
    },
  },
  {
    group: "search: first line without its indentation",
    expected: "either",
    make: (seed) => {
      const [old = "", added = ""] = [seed.old[0], seed.added[0]];
      if (indent(old) === "" || indent(old) !== indent(added)) return undefined;
      const strip = (lines: readonly string[]) => withLine(lines, 0, (line) => line.trimStart());
      return { edit: send(seed, strip(seed.old), strip(seed.added)) };
    },
  },
  {
    group: "search: one line indented otherwise",
    expected: "either",
    make: (seed, pick) => {
      const index = contextLine(seed, (line) => !isBlankLine(line));
      if (index === undefined || seed.old.length < 3) return undefined;
      const change = (line: string) => " ".repeat(1 + pick(3)) + line;
      const [old, added] = [seed.old[index] ?? "", change(seed.old[index] ?? "")];
      const swap = (line: string) => (line === old ? added : line);
      return { edit: send(seed, seed.old.map(swap), seed.added.map(swap)) };
    },
  },
];

export const searchMistakes: readonly Mistake[] = [
  ...lineEndMistakes,
  ...spaceMistakes,
  ...indentMistakes,
  ...confusedMistakes,
];
