// Searches that must be refused: the text is not what the file has, stands at more than one place,
// or says something else than was meant.
import { afterOf } from "./edit-case.ts";
import type { Seed } from "./edit-case.ts";
import {
  comment,
  contextLine,
  indent,
  isBlankLine,
  send,
  sendBoth,
  usesTabs,
  withLine,
  withRegion,
} from "./seed-lines.ts";
import type { Mistake, Pick } from "./seed-lines.ts";

/** A line of the old side that `fits`, chosen by chance. */
function someLine(seed: Seed, pick: Pick, fits: (line: string) => boolean): number | undefined {
  const found = seed.old.flatMap((line, index) => (fits(line) ? [index] : []));
  return found[pick(found.length)];
}

const number = (seed: Seed, index: number): string => `${seed.at + index + 1} |`;
const hasWord = (line: string): boolean => /[A-Za-z]{4}/u.test(line);

/** An old line changed in the edit; the file's own line must be named. */
function misread(group: string, fits: (line: string) => boolean, change: (line: string) => string, name?: string) {
  const mistake: Mistake = {
    group,
    expected: "refuse",
    make: (seed, pick) => {
      const index = someLine(seed, pick, (line) => fits(line) && change(line) !== line);
      if (index === undefined) return undefined;
      const line = seed.old[index] ?? "";
      const names = name === undefined ? [number(seed, index), line.trim()] : [number(seed, index), name];
      const swap = (each: string) => (each === line ? change(each) : each);
      return { edit: send(seed, seed.old.map(swap), seed.added.map(swap)), names };
    },
  };
  return mistake;
}

const misreadings: Mistake[] = [
  misread("search: stale word", hasWord, (line) => line.replace(/[A-Za-z]{4,}/u, (word) => `${word}Old`)),
  misread(
    "search: homoglyph in a word",
    (line) => /[A-Za-z][aeo]/u.test(line),
    (line) => line.replace(/(?<=[A-Za-z])[aeo]/u, (letter) => ({ a: "а", e: "е", o: "о" })[letter] ?? letter),
    "U+04",
  ),
  misread(
    "search: spacing inside a line",
    (line) => /\S \S/u.test(line),
    (line) => line.replace(/(?<=\S) (?=\S)/u, "  "),
    "spacing",
  ),
  misread(
    "search: upper and lower case",
    hasWord,
    (line) => line.replace(/[A-Za-z]{4,}/u, (word) => word.toUpperCase()),
    "case",
  ),
  misread(
    "search: escaped quotes",
    (line) => line.includes('"'),
    (line) => line.replaceAll('"', '\\"'),
  ),
  misread(
    "search: HTML entities",
    (line) => /[<>&]/u.test(line),
    (line) => line.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
    "HTML",
  ),
  {
    group: "search: zero-width space in the file",
    expected: "refuse",
    make: (seed) => {
      const index = contextLine(seed, hasWord);
      if (index === undefined) return undefined;
      const hide = (line: string) => line.replace(/(?<=[A-Za-z]{2})/u, "\u200B");
      return {
        edit: send(seed),
        before: withRegion(seed, withLine(seed.old, index, hide)),
        after: null,
        names: ["U+200B", number(seed, index)],
      };
    },
  },
  {
    group: "search: line left out",
    expected: "refuse",
    make: (seed) => {
      if (seed.old.length < 3) return undefined;
      const left = seed.old[1] ?? "";
      const without = (lines: readonly string[]) => lines.filter((line) => line !== left);
      return { edit: send(seed, without(seed.old), without(seed.added)), names: [number(seed, 1), left.trim()] };
    },
  },
  {
    group: "search: line made up",
    expected: "refuse",
    make: (seed) => {
      const extra = comment(seed.path, "checked by the caller");
      const insert = (lines: readonly string[]) => [lines[0] ?? "", extra, ...lines.slice(1)];
      if (seed.old.length < 2) return undefined;
      return {
        edit: send(seed, insert(seed.old), insert(seed.added)),
        names: ["checked by the caller", number(seed, 0)],
      };
    },
  },
  {
    group: "search: line numbers copied",
    expected: "refuse",
    make: (seed) => {
      const count = (lines: readonly string[]) =>
        lines.map((line, index) => `${String(seed.at + index + 1).padStart(6)}\t${line}`);
      return { edit: send(seed, count(seed.old), count(seed.added)), names: ["line numbers", number(seed, 0)] };
    },
  },
  {
    group: "search: markers and fences",
    expected: "refuse",
    make: (seed, pick) => {
      const marker = ["<<<<<<< SEARCH", "```"][pick(2)] ?? "";
      return { edit: send(seed, [marker, ...seed.old], seed.added), names: [marker, number(seed, 0)] };
    },
  },
];

const placeholders = [
  "... existing code ...",
  "... rest of the function ...",
  "…",
  "... (unchanged)",
  "rest of the code remains unchanged",
];

const elisions: Mistake[] = [
  {
    group: "search: elided middle",
    expected: "refuse",
    make: (seed, pick) => {
      if (seed.old.length < 3) return undefined;
      const line = comment(seed.path, placeholders[pick(2)] ?? "");
      const cut = (lines: readonly string[]) => [lines[0] ?? "", line, lines.at(-1) ?? ""];
      if (cut(seed.old).join("\n") === cut(seed.added).join("\n")) return undefined;
      return { edit: send(seed, cut(seed.old), cut(seed.added)), after: null, names: [line, number(seed, 0)] };
    },
  },
  {
    group: "search: elided only in the new text",
    expected: "refuse",
    make: (seed, pick) => {
      const own = placeholders[pick(placeholders.length)] ?? "";
      const line = `${indent(seed.old[0] ?? "")}${comment(seed.path, own)}`;
      return {
        edit: send(seed, seed.old, [...seed.added.slice(0, 1), line, ...seed.added.slice(-1)]),
        after: null,
        names: [line.trim()],
      };
    },
  },
];

const filler = (seed: Seed): string[] => ["", comment(seed.path, "second copy"), ""];

const repetitions: Mistake[] = [
  {
    group: "search: repeated anchor",
    expected: "refuse",
    make: (seed) => ({
      edit: send(seed),
      before: [...seed.lines.slice(0, -1), ...filler(seed), ...seed.old, ""],
      after: null,
      names: [number(seed, 0), `${seed.lines.length + filler(seed).length} |`],
    }),
  },
  {
    group: "search: repeated anchor, all meant",
    expected: "apply",
    make: (seed) => ({
      edit: {
        ...send(seed),
        tool: "edit_file",
        path: seed.path,
        oldText: seed.old.join("\n"),
        newText: seed.added.join("\n"),
        replaceAll: true,
      },
      before: [...seed.lines.slice(0, -1), ...filler(seed), ...seed.old, ""],
      after: [...afterOf(seed).slice(0, -1), ...filler(seed), ...seed.added, ""],
    }),
  },
  {
    group: "search: another place differs by indentation",
    expected: "apply",
    make: (seed) => {
      const more = usesTabs(seed) ? "\t" : "  ";
      if (seed.old.length < 2) return undefined;
      const copy = seed.old.map((line) => (isBlankLine(line) ? line : more + line));
      const tail = [...filler(seed), ...copy, ""];
      return {
        edit: send(seed),
        before: [...seed.lines.slice(0, -1), ...tail],
        after: [...afterOf(seed).slice(0, -1), ...tail],
      };
    },
  },
  {
    group: "search: two places, neither exact",
    expected: "refuse",
    make: (seed) => {
      const deeper = (lines: readonly string[], more: string) =>
        lines.map((line) => (isBlankLine(line) ? line : more + line));
      const copy = deeper(seed.old, usesTabs(seed) ? "\t\t" : "    ");
      return {
        edit: send(seed, deeper(seed.old, " "), deeper(seed.added, " ")),
        before: [...seed.lines.slice(0, -1), ...filler(seed), ...copy, ""],
        after: null,
        names: [number(seed, 0), `${seed.lines.length + filler(seed).length} |`],
      };
    },
  },
  {
    group: "search: edit made before",
    expected: "refuse",
    make: (seed) => ({
      edit: send(seed),
      before: afterOf(seed),
      after: null,
      names: ["already", `line ${seed.at + 1}`],
    }),
  },
  {
    group: "search: only in a comment",
    expected: "refuse",
    make: (seed, pick) => {
      const index = someLine(seed, pick, (line) => /[=;(]/u.test(line) && hasWord(line));
      if (index === undefined || /\.(?:md|css|svelte|json|sql)$|Makefile$/u.test(seed.path)) return undefined;
      const line = seed.old[index] ?? "";
      const off = indent(line) + comment(seed.path, line.trim());
      if (seed.lines.filter((each) => each.includes(line.trim())).length > 1) return undefined;
      const before = withRegion(
        seed,
        withLine(seed.old, index, () => off),
      );
      return {
        edit: send(seed, [line.trim()], [`${line.trim()} `.replace(/\w+/u, "changed")]),
        before,
        after: null,
        names: ["comment", number(seed, index)],
      };
    },
  },
  {
    group: "search: also in a comment",
    expected: "refuse",
    make: (seed) => {
      const line = seed.old[0] ?? "";
      if (!hasWord(line) || seed.path.endsWith(".json")) return undefined;
      const copy = indent(line) + comment(seed.path, line.trim());
      const before = withRegion(seed, [copy, ...seed.old]);
      return {
        edit: send(seed, [line.trim()], [line.trim().replace(/\w+/u, "changed")]),
        before,
        after: null,
        names: [number(seed, 0), number(seed, 1)],
      };
    },
  },
];

const slips: Mistake[] = [
  {
    group: "search: later lines without indentation",
    expected: "refuse",
    make: (seed) => {
      const line = seed.old[0] ?? "";
      if (indent(line) === "" || seed.lines.filter((each) => each.includes(line.trim())).length > 1) return undefined;
      return {
        edit: send(seed, [line.trim()], [line.trim(), comment(seed.path, "and then")]),
        after: null,
        names: ["indent", number(seed, 0)],
      };
    },
  },
  {
    group: "search: indentation in the new text only",
    expected: "refuse",
    make: (seed) => {
      const line = seed.old[0] ?? "";
      if (indent(line) === "" || seed.lines.filter((each) => each.includes(line.trim())).length > 1) return undefined;
      return {
        edit: send(seed, [line.trim()], [line.replace(/\w+/u, "changed")]),
        after: null,
        names: ["twice", number(seed, 0)],
      };
    },
  },
  {
    group: "search: line break at the end of one side",
    expected: "refuse",
    make: (seed) => ({
      edit: send(seed, [...seed.old, ""], seed.added),
      after: null,
      names: ["line break", `line ${seed.at + 1}`],
    }),
  },
  {
    group: "search: nothing changes",
    expected: "refuse",
    make: (seed) => ({ edit: send(seed, seed.old, seed.old), after: null, names: ["equal"] }),
  },
  {
    group: "search: line breaks as two characters",
    expected: "refuse",
    make: (seed) => {
      if (seed.old.length < 2) return undefined;
      const one = sendBoth(seed, (line) => line);
      if (one.tool !== "edit_file") return undefined;
      return { edit: { ...one, oldText: one.oldText.replaceAll("\n", "\\n") }, names: ["real line breaks"] };
    },
  },
];

export const confusedMistakes: readonly Mistake[] = [...misreadings, ...elisions, ...repetitions, ...slips];
