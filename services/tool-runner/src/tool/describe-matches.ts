// Words for an edit that was refused, so that a model can correct itself without guessing.
import { alignLines } from "./align-lines.ts";
import { explainDifference, shorten } from "./describe-difference.ts";
import { foldLookAlikes } from "./look-alikes.ts";
import { isBlank } from "./map-indentation.ts";
import { isPlaceholder } from "./placeholder.ts";

const maxShown = 5;

export function numbered(lines: readonly string[], first: number): string {
  return lines.map((line, index) => `${String(first + index).padStart(6)} | ${shorten(line)}`).join("\n");
}

/** Several places match: where, and the lines there. `at` counts lines from 0. */
export function describePlaces(lines: readonly string[], places: readonly number[]): string {
  const shown = places.slice(0, maxShown).map((at) => {
    const from = Math.max(0, at - 1);
    return numbered(lines.slice(from, at + 2), from + 1);
  });
  const more = places.length > maxShown ? `\n… and ${places.length - maxShown} more` : "";
  return shown.join("\n  --\n") + more;
}

function words(line: string): Set<string> {
  return new Set(line.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? []);
}

function likeness(a: Set<string>, b: Set<string>): number {
  if (a.size === 0 || b.size === 0) return 0;
  let common = 0;
  for (const word of a) if (b.has(word)) common += 1;
  return (2 * common) / (a.size + b.size);
}

/** Lines compared at most: beyond that the nearest place is not worth the time. */
const maxComparedLines = 20_000;
/** Lines of the edit by which the place is looked for: those with most words. */
const maxKeys = 12;
/** Below this share of common words a line is not called near. */
const minLikeness = 0.3;

/** Index of the stretch most like `wanted`, or -1. Each line votes for the start it would have. */
function nearestPlace(lines: readonly string[], wanted: readonly string[]): number {
  const bags = lines.map(words);
  const keys = wanted
    .map((line, offset) => ({ offset, bag: words(line) }))
    .filter(({ bag }) => bag.size > 0)
    .toSorted((a, b) => b.bag.size - a.bag.size)
    .slice(0, maxKeys);
  const votes = new Map<number, number>();
  for (const { offset, bag } of keys) {
    bags.forEach((other, index) => {
      const score = likeness(other, bag);
      // A line of many words tells more than a brace or a return.
      if (score > minLikeness)
        votes.set(index - offset, (votes.get(index - offset) ?? 0) + score * Math.sqrt(bag.size));
    });
  }
  const own = (at: number) => votes.get(at) ?? 0;
  // A line too many or too few moves the votes of all lines after it by one.
  const total = (at: number) => own(at) + own(at - 1) + own(at + 1);
  const [best] = [...votes.keys()].toSorted((a, b) => total(b) - total(a) || own(b) - own(a) || a - b);
  return best === undefined ? -1 : Math.max(0, best);
}

const maxDifferences = 4;

/** Lines that a reader would call the same: white space, case and look-alikes left out. */
const looseKey = (line: string): string =>
  foldLookAlikes(line.normalize("NFC"))
    .replace(/[\s\u200B-\u200D\u2060\u00AD\uFEFF]+/gu, "")
    .toLowerCase();

/** Likeness of two lines: by words, or by the characters they share at start and end. */
function lineLikeness(one: string, other: string): number {
  const [a, b] = [one.trim(), other.trim()];
  const short = Math.min(a.length, b.length);
  let start = 0;
  while (start < short && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < short - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  return Math.max(likeness(words(a), words(b)), (start + end) / Math.max(1, a.length, b.length));
}

type Gap = { dropped: number[]; added: number[] };

/** A gap between lines that are the same: pairs of like lines first, then what has no partner. */
function tellGap(
  gap: Gap,
  ours: readonly string[],
  theirs: readonly string[],
  first: number,
  isInner: boolean,
): string[] {
  const left = [...gap.added];
  const quote = (line: string | undefined) => JSON.stringify(shorten(line ?? ""));
  const told = gap.dropped.map((old) => {
    const line = theirs[old] ?? "";
    const scores = left.map((index) => lineLikeness(ours[index] ?? "", line));
    const best = scores.indexOf(Math.max(...scores));
    if (best < 0 || (scores[best] ?? 0) <= minLikeness) return `the file has no line ${quote(line)} there`;
    const [index = 0] = left.splice(best, 1);
    const why = explainDifference(line, ours[index] ?? "");
    return `line ${first + index}: ${why ?? `the file has ${quote(ours[index])}, the edit ${quote(line)}`}`;
  });
  return isInner
    ? [...told, ...left.map((index) => `the edit leaves out line ${first + index}: ${quote(ours[index])}`)]
    : told;
}

/** What of the edit's lines is not so in the file's, line by line. */
function listDifferences(ours: readonly string[], theirs: readonly string[], first: number): string[] {
  const found: string[] = [];
  let gap: Gap = { dropped: [], added: [] };
  let hasAnchor = false;
  for (const op of alignLines(theirs, ours, looseKey)) {
    if (op.kind === "drop") gap.dropped.push(op.old);
    else if (op.kind === "add") gap.added.push(op.new);
    else {
      found.push(...tellGap(gap, ours, theirs, first, hasAnchor));
      gap = { dropped: [], added: [] };
      hasAnchor = true;
      const why = explainDifference(theirs[op.old] ?? "", ours[op.new] ?? "");
      if (why !== undefined) found.push(`line ${first + op.new}: ${why}`);
    }
  }
  return [...found, ...tellGap(gap, ours, theirs, first, false)];
}

function lineWith(lines: readonly string[], part: readonly string[]): number {
  const own = part.map((line) => line.trim());
  return lines.findIndex((_line, at) => own.every((line, index) => line === lines[at + index]?.trim()));
}

/** Known slips that a look at the edit alone gives away. */
function hintsOf(lines: readonly string[], wanted: readonly string[], path: string): string[] {
  const hints: string[] = [];
  const texts = wanted.filter((line) => !isBlank(line));
  const left = wanted.findIndex((line, index) => isPlaceholder(line, path, wanted[index - 1]));
  if (left >= 0) {
    hints.push(
      `${JSON.stringify(shorten((wanted[left] ?? "").trim()))} stands for lines of the file: give them all, or make one edit for each stretch that changes.`,
    );
  }
  if (texts.every((line) => /^\s*\d+\s*(?:\t|\||:\s)/u.test(line))) {
    hints.push("The lines begin with line numbers, which are not in the file: leave them out.");
  }
  const marker = texts.find(
    (line) => /^(?:<{5,9}|={7}$|>{5,9}|`{3})/u.test(line.trim()) && lineWith(lines, [line]) < 0,
  );
  if (marker !== undefined)
    hints.push(`${JSON.stringify(shorten(marker))} is no line of the file: leave markers and fences out.`);
  if (wanted.length === 1 && /\\n/u.test(wanted[0] ?? ""))
    hints.push('It has "\\n" as two characters: send real line breaks.');
  if (texts.some((line) => /&(?:lt|gt|amp|quot|#39);/u.test(line)))
    hints.push("It has HTML entities (&lt; …): send the characters.");
  return hints;
}

export type Sought = { path: string; wanted: readonly string[]; replacement: readonly string[] };

/** Nothing matches: known slips, whether the edit was made before, and the stretch of the file most like it. */
export function describeNearest(allLines: readonly string[], { path, wanted, replacement }: Sought): string {
  const lines = allLines.slice(0, maxComparedLines);
  const hints = hintsOf(lines, wanted, path);
  const made = replacement.some((line) => words(line).size > 1) ? lineWith(lines, replacement) : -1;
  if (made >= 0) hints.unshift(`The new text is there already, at line ${made + 1}: this edit seems to be made.`);
  const told = wanted.filter((line) => !isPlaceholder(line, path));
  const at = nearestPlace(lines, told.length === 0 ? wanted : told);
  const head = hints.length === 0 ? "The file may have changed." : hints.join(" ");
  if (at < 0) return `${head} Nothing like it is there either: read the file again.`;
  const from = Math.max(0, at - 1);
  const stretch = lines.slice(from, at + Math.min(told.length, 40) + 2);
  const differences = listDifferences(lines.slice(from, at + told.length + 2), told, from + 1);
  const list = differences.slice(0, maxDifferences).map((each) => `- ${each}`);
  if (differences.length > maxDifferences) list.push(`- … and ${differences.length - maxDifferences} more differences`);
  return `${head} Nearest lines:\n${numbered(stretch, from + 1)}${list.length === 0 ? "" : `\nWhat differs:\n${list.join("\n")}`}`;
}
