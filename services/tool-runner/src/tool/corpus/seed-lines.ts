// What the mistakes share: questions to a seed, and small changes of lines.
import { afterOf } from "./edit-case.ts";
import type { EditCase, Seed, SentEdit } from "./edit-case.ts";

/** A source of chance that a mistake may use: whole numbers below `limit`. */
export type Pick = (limit: number) => number;

/** What a mistake makes of a seed; parts left out are those of the true change. */
export type Made = {
  edit: SentEdit;
  before?: readonly string[];
  after?: readonly string[] | null;
  /** Text of the file before and after instead of lines, where line ends matter. */
  texts?: { before: string; after: string };
  files?: Record<string, string>;
  meant?: Record<string, string | null>;
  names?: readonly string[];
};

export type Mistake = {
  group: string;
  expected: EditCase["expected"];
  /** Undefined where the seed does not lend itself to it. */
  make: (seed: Seed, pick: Pick) => Made | undefined;
};

export function buildCase({ group, expected, make }: Mistake, seed: Seed, pick: Pick): EditCase | undefined {
  const made = make(seed, pick);
  if (made === undefined) return undefined;
  const texts = made.texts ?? {
    before: (made.before ?? seed.lines).join("\n"),
    after: (made.after ?? afterOf(seed)).join("\n"),
  };
  const files = made.files ?? { [seed.path]: texts.before };
  const meant = made.meant ?? (made.after === null ? undefined : { [seed.path]: texts.after });
  return { id: `${group}: ${seed.id}`, group, files, edit: made.edit, expected, meant, names: [...(made.names ?? [])] };
}

export const isBlankLine = (line: string): boolean => line.trim() === "";
export const indent = (line: string): string => /^[ \t]*/u.exec(line)?.[0] ?? "";
export const usesTabs = (seed: Seed): boolean => seed.lines.some((line) => line.startsWith("\t"));

/** Spaces of one level in the seed's file; 0 for tabs. */
export function unitOf(seed: Seed): number {
  if (usesTabs(seed)) return 0;
  return /\.(?:py|rs|java|sql)$/u.test(seed.path) ? 4 : 2;
}

/** Lines that both sides share at their start and at their end: context of the change. */
export function contextOf({ old, added }: Seed): { start: number; end: number } {
  let start = 0;
  while (start < Math.min(old.length, added.length) && old[start] === added[start]) start += 1;
  let end = 0;
  const most = Math.min(old.length, added.length) - start;
  while (end < most && old.at(-1 - end) === added.at(-1 - end)) end += 1;
  return { start, end };
}

/** Index in `old` of a context line that `fits`, from both ends of the change. */
export function contextLine(seed: Seed, fits: (line: string) => boolean): number | undefined {
  const { start, end } = contextOf(seed);
  const found = seed.old.findIndex((line, index) => (index < start || index >= seed.old.length - end) && fits(line));
  return found < 0 ? undefined : found;
}

/** `lines` with one changed. */
export function withLine(lines: readonly string[], index: number, change: (line: string) => string): string[] {
  return lines.map((line, at) => (at === index ? change(line) : line));
}

/** The same context line in the new side. */
export function inAdded(seed: Seed, index: number): number {
  const { start } = contextOf(seed);
  return index < start ? index : index + seed.added.length - seed.old.length;
}

/** The file with the seed's lines replaced by others of the same place. */
export function withRegion(seed: Seed, region: readonly string[]): string[] {
  return [...seed.lines.slice(0, seed.at), ...region, ...seed.lines.slice(seed.at + seed.old.length)];
}

/** A comment in the language of a path. */
export function comment(path: string, text: string): string {
  if (/\.(?:py|yaml|sh|rb)$|Makefile$/u.test(path)) return `# ${text}`;
  if (path.endsWith(".sql")) return `-- ${text}`;
  if (path.endsWith(".css")) return `/* ${text} */`;
  return /\.(?:md|svelte)$/u.test(path) ? `<!-- ${text} -->` : `// ${text}`;
}

export const ends = (lines: readonly string[], end: string): string => lines.join(end);

/** Lines with ends that change from line to line; the two sides share those of lines they share. */
export function mixedEnds(seed: Seed): { before: string; after: string } | undefined {
  if (seed.old.length !== seed.added.length) return undefined;
  const join = (lines: readonly string[]) =>
    lines.map((line, index) => (index === lines.length - 1 ? line : line + (index % 3 === 1 ? "\r\n" : "\n"))).join("");
  return { before: join(seed.lines), after: join(afterOf(seed)) };
}

export function send(seed: Seed, old: readonly string[] = seed.old, added: readonly string[] = seed.added): SentEdit {
  return { tool: "edit_file", path: seed.path, oldText: old.join("\n"), newText: added.join("\n"), replaceAll: false };
}

/** Both sides through one change of each line. */
export function sendBoth(seed: Seed, change: (line: string) => string): SentEdit {
  return send(seed, seed.old.map(change), seed.added.map(change));
}

const curly: Readonly<Record<string, string>> = { "'": "’", '"': "“", "-": "–" };
export const hasPlain = (line: string): boolean => /['"-]/u.test(line);
export const toCurly = (line: string): string => line.replace(/['"-]/u, (character) => curly[character] ?? character);
