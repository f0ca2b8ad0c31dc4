// Writes the true change of a seed as a unified diff, in the parts that models get wrong.
import type { Seed, SentEdit } from "./edit-case.ts";
import { contextOf } from "./seed-lines.ts";

/** Lines of one hunk with their marks. */
export type HunkLines = { header: string; body: string[] };

export type HunkOptions = {
  /** Lines of context around the change. */
  context?: number;
  /** Added to the line numbers of the header. */
  drift?: number;
  /** The file's lines where they are not the seed's. */
  lines?: readonly string[];
};

/** First and last line (exclusive) of what changes, and the sides there. */
export function changeOf(seed: Seed): { from: number; to: number; old: string[]; added: string[] } {
  const { start, end } = contextOf(seed);
  const cut = (lines: readonly string[]) => lines.slice(start, lines.length - end);
  return { from: seed.at + start, to: seed.at + seed.old.length - end, old: cut(seed.old), added: cut(seed.added) };
}

export function hunkOf(seed: Seed, { context = 3, drift = 0, lines = seed.lines }: HunkOptions = {}): HunkLines {
  const { from, to, old, added } = changeOf(seed);
  const last = lines.at(-1) === "" ? lines.length - 1 : lines.length;
  const [first, end] = [Math.max(0, from - context), Math.min(last, to + context)];
  const mark = (sign: string) => (line: string) => sign + line;
  const body = [
    ...lines.slice(first, from).map(mark(" ")),
    ...old.map(mark("-")),
    ...added.map(mark("+")),
    ...lines.slice(to, end).map(mark(" ")),
  ];
  const at = first + 1 + drift;
  const count = end - first;
  return { header: `@@ -${at},${count} +${at},${count + added.length - old.length} @@`, body };
}

export function fileHeader(path: string): string[] {
  return [`--- a/${path}`, `+++ b/${path}`];
}

export function patch(lines: readonly string[], end = "\n"): SentEdit {
  return { tool: "apply_patch", patch: lines.join(end) + end };
}

/** The whole patch of a seed; `change` may spoil the lines of its hunk. */
export function patchOf(seed: Seed, options: HunkOptions = {}, change: (body: string[]) => string[] = (body) => body) {
  const { header, body } = hunkOf(seed, options);
  return patch([...fileHeader(seed.path), header, ...change(body)]);
}
