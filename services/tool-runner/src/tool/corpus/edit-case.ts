// The corpus of edits as models send them, with what was meant. Cases are made from hand-written
// changes (`seeds.json` on `files/`) by the mistakes of `search-mistakes.ts` and
// `patch-mistakes.ts`, or written whole (`traps.json`). Nothing here knows the matcher.
import { readFileSync } from "node:fs";

/** The edit as a model calls it. */
export type SentEdit =
  | { tool: "edit_file"; path: string; oldText: string; newText: string; replaceAll: boolean }
  | { tool: "apply_patch"; patch: string };

export type EditCase = {
  id: string;
  /** Kind of mistake, or of correct edit. */
  group: string;
  /** Files before, by path. */
  files: Record<string, string>;
  edit: SentEdit;
  /** `either`: both are right, as long as an applied edit is the one that was meant. */
  expected: "apply" | "refuse" | "either";
  /** Files that were meant to change, by path; null = removed. Undefined: no application is right. */
  meant: Record<string, string | null> | undefined;
  /** Texts that the words of a refusal must hold: what is there instead. */
  names: string[];
};

/** One true change of one file, written by hand: whole lines that occur once, and what they become. */
export type Seed = {
  id: string;
  path: string;
  /** All lines of the file. */
  lines: string[];
  /** Index of the first line that is replaced. */
  at: number;
  old: string[];
  added: string[];
};

const read = (name: string): string => readFileSync(new URL(`./${name}`, import.meta.url), "utf8");

type StoredSeed = { id: string; file: string; old: string[]; new: string[] };

/** Index at which `part` stands in `lines` as whole lines; all of them. */
export function indexesOf(lines: readonly string[], part: readonly string[]): number[] {
  return lines.flatMap((_line, at) => (part.every((line, index) => line === lines[at + index]) ? [at] : []));
}

export function readSeeds(): Seed[] {
  const stored = JSON.parse(read("seeds.json")) as StoredSeed[];
  return stored.map(({ id, file, old, new: added }) => {
    const lines = read(`files/${file}.txt`).split("\n");
    const [at, ...others] = indexesOf(lines, old);
    if (at === undefined || others.length > 0) throw new Error(`Seed ${id} is not at one place of ${file}.`);
    return { id, path: `src/${file}`, lines, at, old, added };
  });
}

/** The file after the true change. */
export function afterOf({ lines, at, old, added }: Seed): string[] {
  return [...lines.slice(0, at), ...added, ...lines.slice(at + old.length)];
}

type StoredTrap = {
  id: string;
  group: string;
  files: Record<string, string[]>;
  edit: { path: string; old: string[]; new: string[]; all?: boolean } | { patch: string[] };
  expected: EditCase["expected"];
  meant?: Record<string, string[] | null>;
  names?: string[];
};

const joined = (files: Record<string, string[]>) =>
  Object.fromEntries(Object.entries(files).map(([path, lines]) => [path, lines.join("\n")]));

/** Cases that were written whole; texts are lines, the last one without a line end. */
export function readTraps(): EditCase[] {
  const stored = JSON.parse(read("traps.json")) as StoredTrap[];
  return stored.map(({ id, group, files, edit, expected, meant, names = [] }) => ({
    id,
    group,
    files: joined(files),
    edit:
      "patch" in edit
        ? { tool: "apply_patch", patch: edit.patch.join("\n") }
        : {
            tool: "edit_file",
            path: edit.path,
            oldText: edit.old.join("\n"),
            newText: edit.new.join("\n"),
            replaceAll: edit.all === true,
          },
    expected,
    meant:
      meant === undefined
        ? undefined
        : Object.fromEntries(Object.entries(meant).map(([path, lines]) => [path, lines?.join("\n") ?? null])),
    names,
  }));
}

/** What a matcher did with a case. */
export type Outcome = { kind: "applied"; files: Record<string, string | null> } | { kind: "refused"; message: string };

export type Verdict = "applied as meant" | "refused" | "wrong" | "refused without help" | "refused for nothing";

function asMeant(files: Record<string, string | null>, meant: EditCase["meant"]): boolean {
  if (meant === undefined) return false;
  const paths = new Set([...Object.keys(files), ...Object.keys(meant)]);
  return [...paths].every((path) => files[path] === meant[path]);
}

/** Judges an outcome. Only the first two verdicts are right. */
export function judge(one: EditCase, outcome: Outcome): Verdict {
  if (outcome.kind === "applied") {
    const isRight = one.expected !== "refuse" && asMeant(outcome.files, one.meant);
    return isRight ? "applied as meant" : "wrong";
  }
  if (one.expected === "apply") return "refused for nothing";
  return one.names.every((name) => outcome.message.includes(name)) ? "refused" : "refused without help";
}

/** Numbers between 0 and 1 that are the same in every run (mulberry32). */
export function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
