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
/** Places of the most telling line that are looked at as a whole. */
const maxCandidates = 20;
/** Below this share of common words a line is not called near. */
const minLikeness = 0.3;

/** Index of the stretch most like `wanted`, or -1. */
function nearestPlace(lines: readonly string[], wanted: readonly string[]): number {
  const bags = lines.map(words);
  const own = wanted.map(words);
  const key = own.reduce((best, bag, index) => (bag.size > (own[best]?.size ?? 0) ? index : best), 0);
  const scored = bags
    .map((bag, index) => ({ index, score: likeness(bag, own[key] ?? new Set()) }))
    .filter(({ score }) => score > minLikeness)
    .toSorted((a, b) => b.score - a.score || a.index - b.index)
    .slice(0, maxCandidates);
  let best = { at: -1, score: 0 };
  for (const { index } of scored) {
    const at = index - key;
    const score = own.reduce((sum, bag, offset) => sum + likeness(bags[at + offset] ?? new Set(), bag), 0);
    if (score > best.score) best = { at: Math.max(0, at), score };
  }
  return best.at;
}

const maxDifferences = 4;

/** What of the edit's lines is not so in the file's, line by line. */
function listDifferences(ours: readonly string[], theirs: readonly string[], first: number): string[] {
  const ops = alignLines(theirs, ours, (line) => foldLookAlikes(line).trim());
  const found: string[] = [];
  let dropped: number[] = [];
  const flush = () => {
    for (const index of dropped)
      found.push(`the file has no line ${JSON.stringify(shorten(theirs[index] ?? ""))} there`);
    dropped = [];
  };
  const lastTold = ops.findLastIndex((op) => op.kind !== "add");
  ops.forEach((op, index) => {
    if (op.kind === "drop") return void dropped.push(op.old);
    if (op.kind === "keep") {
      flush();
      const why = explainDifference(theirs[op.old] ?? "", ours[op.new] ?? "");
      if (why !== undefined) found.push(`line ${first + op.new}: ${why}`);
      return;
    }
    const pair = dropped.shift();
    const line = ours[op.new] ?? "";
    if (pair !== undefined) {
      const why = explainDifference(theirs[pair] ?? "", line);
      const texts = `the file has ${JSON.stringify(shorten(line))}, the edit ${JSON.stringify(shorten(theirs[pair] ?? ""))}`;
      found.push(`line ${first + op.new}: ${why ?? texts}`);
    } else if (index < lastTold && op.new > 0)
      found.push(`the edit leaves out line ${first + op.new}: ${JSON.stringify(shorten(line))}`);
  });
  flush();
  return found;
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
  const differences = listDifferences(lines.slice(at, at + told.length + 2), told, at + 1);
  const list = differences.slice(0, maxDifferences).map((each) => `- ${each}`);
  if (differences.length > maxDifferences) list.push(`- … and ${differences.length - maxDifferences} more differences`);
  return `${head} Nearest lines:\n${numbered(stretch, from + 1)}${list.length === 0 ? "" : `\nWhat differs:\n${list.join("\n")}`}`;
}
