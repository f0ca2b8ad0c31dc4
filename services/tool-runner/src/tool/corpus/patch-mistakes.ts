// What models get wrong in unified diffs: each entry makes the faulty patch, and the true result
// where the mistake touches the file, from one true change.
import { afterOf, indexesOf } from "./edit-case.ts";
import type { Seed } from "./edit-case.ts";
import { refusedPatches } from "./refused-patches.ts";
import { ends, hasPlain, indent, isBlankLine, mixedEnds, toCurly, unitOf, usesTabs } from "./seed-lines.ts";
import type { Made, Mistake } from "./seed-lines.ts";
import { changeOf, fileHeader, hunkOf, patch, patchOf } from "./seed-patch.ts";

const isContext = (line: string): boolean => line.startsWith(" ");

/** Index in the hunk of the first context line whose text fits. */
function contextIn(body: readonly string[], fits: (text: string) => boolean): number {
  return body.findIndex((line) => isContext(line) && fits(line.slice(1)));
}

/** One context line changed in the patch alone. */
function spoilContext(seed: Seed, fits: (text: string) => boolean, change: (text: string) => string): Made | undefined {
  const index = contextIn(hunkOf(seed).body, fits);
  if (index < 0) return undefined;
  const spoil = (body: string[]) => body.map((line, at) => (at === index ? ` ${change(line.slice(1))}` : line));
  return { edit: patchOf(seed, {}, spoil) };
}

/** One context line changed in the file alone. */
function spoilFile(seed: Seed, fits: (text: string) => boolean, change: (text: string) => string): Made | undefined {
  const { from } = changeOf(seed);
  const body = hunkOf(seed).body;
  const index = contextIn(body, fits);
  const first = from - body.findIndex((line) => !isContext(line));
  if (index < 0 || index >= from - first) return undefined;
  const swap = (lines: readonly string[]) => lines.map((line, at) => (at === first + index ? change(line) : line));
  return { edit: patchOf(seed), before: swap(seed.lines), after: swap(afterOf(seed)) };
}

/** The old side of a hunk with this much context stands once in the file. */
function isUnique(seed: Seed, context: number): boolean {
  const old = hunkOf(seed, { context })
    .body.filter((line) => !line.startsWith("+"))
    .map((line) => line.slice(1));
  return old.some((line) => /[A-Za-z0-9]/u.test(line)) && indexesOf(seed.lines, old).length === 1;
}

const withMark = (change: (text: string) => string) => (body: string[]) =>
  body.map((line) => (isBlankLine(line.slice(1)) ? line : line.slice(0, 1) + change(line.slice(1))));

const formMistakes: Mistake[] = [
  { group: "patch: exact", expected: "apply", make: (seed) => ({ edit: patchOf(seed) }) },
  {
    group: "patch: line numbers off",
    expected: "apply",
    make: (seed, pick) => ({ edit: patchOf(seed, { drift: 1 + pick(400) }) }),
  },
  {
    group: "patch: wrong counts",
    expected: "apply",
    make: (seed, pick) => {
      const { body } = hunkOf(seed);
      return { edit: patch([...fileHeader(seed.path), `@@ -1,${pick(9)} +1,${pick(9)} @@ whatever`, ...body]) };
    },
  },
  {
    group: "patch: header without numbers",
    expected: "apply",
    make: (seed, pick) => {
      const { body } = hunkOf(seed);
      return { edit: patch([...fileHeader(seed.path), ["@@", "@@ ... @@"][pick(2)] ?? "@@", ...body]) };
    },
  },
  {
    group: "patch: no context",
    expected: "apply",
    make: (seed) => (isUnique(seed, 0) ? { edit: patchOf(seed, { context: 0 }) } : undefined),
  },
  {
    group: "patch: one line of context",
    expected: "apply",
    make: (seed) => (isUnique(seed, 1) ? { edit: patchOf(seed, { context: 1 }) } : undefined),
  },
  {
    group: "patch: paths without a/ and b/",
    expected: "apply",
    make: (seed) => {
      const { header, body } = hunkOf(seed);
      return { edit: patch([`--- ${seed.path}`, `+++ ${seed.path}`, header, ...body]) };
    },
  },
  {
    group: "patch: git headers",
    expected: "apply",
    make: (seed) => {
      const { header, body } = hunkOf(seed);
      const git = [`diff --git a/${seed.path} b/${seed.path}`, "index 0c1d2e3..4f5a6b7 100644"];
      return { edit: patch([...git, ...fileHeader(seed.path), header, ...body]) };
    },
  },
  {
    group: "patch: in a fence, with words around",
    expected: "apply",
    make: (seed) => {
      const { header, body } = hunkOf(seed);
      return { edit: patch(["Here is the patch:", "", "```diff", ...fileHeader(seed.path), header, ...body, "```"]) };
    },
  },
  {
    group: "patch: empty context lines without their space",
    expected: "apply",
    make: (seed) => {
      if (!hunkOf(seed).body.includes(" ")) return undefined;
      return { edit: patchOf(seed, {}, (body) => body.map((line) => (line === " " ? "" : line))) };
    },
  },
];

const endMistakes: Mistake[] = [
  {
    group: "patch: CRLF file",
    expected: "apply",
    make: (seed) => ({
      edit: patchOf(seed),
      texts: { before: ends(seed.lines, "\r\n"), after: ends(afterOf(seed), "\r\n") },
    }),
  },
  {
    group: "patch: CRLF patch",
    expected: "apply",
    make: (seed) => {
      const { header, body } = hunkOf(seed);
      return { edit: patch([...fileHeader(seed.path), header, ...body], "\r\n") };
    },
  },
  {
    group: "patch: mixed line ends",
    expected: "apply",
    make: (seed) => {
      const texts = mixedEnds(seed);
      return texts === undefined ? undefined : { edit: patchOf(seed), texts };
    },
  },
  {
    group: "patch: byte order mark",
    expected: "apply",
    make: (seed) => ({
      edit: patchOf(seed),
      texts: { before: `\uFEFF${ends(seed.lines, "\n")}`, after: `\uFEFF${ends(afterOf(seed), "\n")}` },
    }),
  },
  {
    group: "patch: no line break at the end of the file",
    expected: "apply",
    make: (seed) => ({ edit: patchOf(seed), before: seed.lines.slice(0, -1), after: afterOf(seed).slice(0, -1) }),
  },
];

const spaceMistakes: Mistake[] = [
  {
    group: "patch: trailing space in the patch",
    expected: "apply",
    make: (seed) =>
      spoilContext(
        seed,
        (text) => !isBlankLine(text),
        (text) => `${text}  `,
      ),
  },
  {
    group: "patch: trailing space in the file",
    expected: "apply",
    make: (seed) =>
      spoilFile(
        seed,
        (text) => !isBlankLine(text),
        (text) => `${text}  `,
      ),
  },
  {
    group: "patch: look-alike characters in the patch",
    expected: "apply",
    make: (seed) => spoilContext(seed, hasPlain, toCurly),
  },
  {
    group: "patch: look-alike characters in the file",
    expected: "apply",
    make: (seed) => spoilFile(seed, hasPlain, toCurly),
  },
  {
    group: "patch: one space too many in every line",
    expected: "either",
    make: (seed) => ({
      edit: patchOf(
        seed,
        {},
        withMark((text) => ` ${text}`),
      ),
    }),
  },
  {
    group: "patch: tabs sent as four spaces",
    expected: "either",
    make: (seed) =>
      usesTabs(seed)
        ? {
            edit: patchOf(
              seed,
              {},
              withMark((text) => text.replace(/^\t+/u, (tabs) => "    ".repeat(tabs.length))),
            ),
          }
        : undefined,
  },
  {
    group: "patch: block without its indentation",
    expected: "either",
    make: (seed) => {
      const texts = hunkOf(seed)
        .body.map((line) => line.slice(1))
        .filter((line) => !isBlankLine(line));
      const width = Math.min(...texts.map((text) => indent(text).length));
      return width === 0
        ? undefined
        : {
            edit: patchOf(
              seed,
              {},
              withMark((text) => text.slice(width)),
            ),
          };
    },
  },
  {
    group: "patch: block indented too far",
    expected: "either",
    make: (seed) => {
      const more = usesTabs(seed) ? "\t" : " ".repeat(unitOf(seed));
      return {
        edit: patchOf(
          seed,
          {},
          withMark((text) => more + text),
        ),
      };
    },
  },
  {
    group: "patch: context without its mark",
    expected: "either",
    make: (seed) => ({
      edit: patchOf(seed, {}, (body) => body.map((line) => (isContext(line) ? line.slice(1) : line))),
    }),
  },
];

/** The next seed of the same file, given all of them. */
export type Pairs = (seed: Seed) => Seed | undefined;

/** Both changes in one file, as two hunks in the order given. */
export function pairMistakes(next: Pairs): Mistake[] {
  const both = (seed: Seed, other: Seed) => {
    const [first, second] = seed.at < other.at ? [seed, other] : [other, seed];
    const after = [
      ...first.lines.slice(0, first.at),
      ...first.added,
      ...first.lines.slice(first.at + first.old.length, second.at),
      ...second.added,
      ...first.lines.slice(second.at + second.old.length),
    ];
    return { first, second, after };
  };
  const make = (swap: boolean, near: boolean) => (seed: Seed) => {
    const other = next(seed);
    if (other === undefined) return undefined;
    const { first, second, after } = both(seed, other);
    const gap = changeOf(second).from - changeOf(first).to;
    if (gap < 0 || near !== gap < 6) return undefined;
    const hunks = [hunkOf(first), hunkOf(second)].map(({ header, body }) => [header, ...body]);
    return { edit: patch([...fileHeader(seed.path), ...(swap ? hunks.toReversed() : hunks).flat()]), after };
  };
  return [
    { group: "patch: two hunks", expected: "apply", make: make(false, false) },
    { group: "patch: two hunks in the wrong order", expected: "apply", make: make(true, false) },
    { group: "patch: two hunks with the same context", expected: "apply", make: make(false, true) },
  ];
}

export const patchMistakes: readonly Mistake[] = [...formMistakes, ...endMistakes, ...spaceMistakes, ...refusedPatches];
