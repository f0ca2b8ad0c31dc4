// Finds the one place a model means by a piece of text. Exact first, then with ever more
// tolerance for what models get wrong (line ends, trailing space, look-alike characters, uniform
// indentation); at each level exactly one place must match. Never guesses: what is not unique or
// not there is refused with what was found instead.
import { AgentError } from "@ossaat/contracts";

import { describeMatches, describeNearest } from "./describe-matches.ts";

/** A match as offsets into the text; `newText` is adapted to the place (indentation). */
export type Replacement = { start: number; end: number; newText: string };

const lookAlikes: readonly (readonly [RegExp, string])[] = [
  [/[\u2018\u2019\u201A\u201B\u2032]/gu, "'"],
  [/[\u201C\u201D\u201E\u201F\u2033]/gu, '"'],
  [/[\u2010-\u2015\u2212]/gu, "-"],
  [/[\u00A0\u2000-\u200A\u202F\u205F\u3000]/gu, " "],
];

// Every look-alike is one UTF-16 unit wide, so offsets stay true.
function foldLookAlikes(text: string): string {
  return lookAlikes.reduce((folded, [pattern, plain]) => folded.replace(pattern, plain), text);
}

function occurrences(text: string, wanted: string): number[] {
  const found: number[] = [];
  // Overlapping ones count: "}\n}" in "}\n}\n}" is at two places, and which one is meant nobody knows.
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) found.push(at);
  return found;
}

function findExact(text: string, oldText: string, newText: string): Replacement[] {
  return occurrences(text, oldText).map((start) => ({ start, end: start + oldText.length, newText }));
}

type Line = { text: string; start: number; end: number };

function linesOf(text: string): Line[] {
  let start = 0;
  return text.split("\n").map((line) => {
    const own = { text: line, start, end: start + line.length };
    start = own.end + 1;
    return own;
  });
}

const indentOf = (line: string): string => /^[ \t]*/u.exec(line)?.[0] ?? "";
const isBlank = (line: string): boolean => line.trim() === "";
const plain = (line: string): string => foldLookAlikes(line).trimEnd();

/** Takes a common indentation change over to the new lines. */
function shiftLines(lines: readonly string[], from: string, to: string): string[] | undefined {
  const shifted = lines.map((line) => {
    if (isBlank(line)) return line;
    return line.startsWith(from) ? to + line.slice(from.length) : undefined;
  });
  return shifted.every((line) => line !== undefined) ? shifted : undefined;
}

/** Whether the block equals the wanted lines after replacing one indentation prefix by another. */
function indentShift(block: readonly Line[], wanted: readonly string[]): { from: string; to: string } | undefined {
  const first = wanted.findIndex((line) => !isBlank(line));
  if (first < 0) return undefined;
  const theirs = indentOf(wanted[first] ?? "");
  const ours = indentOf(block[first]?.text ?? "");
  // The shorter common form: what has to be put in front of (or taken from) every line.
  let [from, to] = [theirs, ours];
  while (from !== "" && to !== "" && from.at(-1) === to.at(-1)) {
    from = from.slice(0, -1);
    to = to.slice(0, -1);
  }
  const shifted = shiftLines(wanted, from, to);
  const same = shifted?.every((line, index) => plain(line) === plain(block[index]?.text ?? ""));
  return same === true ? { from, to } : undefined;
}

type LineMatcher = (block: readonly Line[], wanted: readonly string[]) => { from: string; to: string } | undefined;

const sameButTrailingSpace: LineMatcher = (block, wanted) =>
  wanted.every((line, index) => line.trimEnd() === (block[index]?.text ?? "").trimEnd())
    ? { from: "", to: "" }
    : undefined;

const sameButLookAlikes: LineMatcher = (block, wanted) =>
  wanted.every((line, index) => plain(line) === plain(block[index]?.text ?? "")) ? { from: "", to: "" } : undefined;

/** Matches of whole lines, non-overlapping, under a tolerance. */
function findLines(text: string, oldText: string, newText: string, matcher: LineMatcher): Replacement[] {
  const endsWithBreak = oldText.endsWith("\n");
  const wanted = (endsWithBreak ? oldText.slice(0, -1) : oldText).split("\n");
  if (wanted.every(isBlank)) return [];
  const lines = linesOf(text);
  const found: Replacement[] = [];
  for (let index = 0; index + wanted.length <= lines.length; index += 1) {
    const block = lines.slice(index, index + wanted.length);
    const shift = matcher(block, wanted);
    if (shift === undefined) continue;
    const body = endsWithBreak && newText.endsWith("\n") ? newText.slice(0, -1) : newText;
    const moved = shiftLines(body.split("\n"), shift.from, shift.to);
    if (moved === undefined) continue;
    const last = block.at(-1);
    const dropsBreak = endsWithBreak && !newText.endsWith("\n");
    const end = (last?.end ?? 0) + (dropsBreak && (last?.end ?? 0) < text.length ? 1 : 0);
    found.push({ start: block[0]?.start ?? 0, end, newText: moved.join("\n") });
    index += wanted.length - 1;
  }
  return found;
}

function findFolded(text: string, oldText: string, newText: string): Replacement[] {
  const found = occurrences(foldLookAlikes(text), foldLookAlikes(oldText));
  return found.map((start) => ({ start, end: start + oldText.length, newText }));
}

const levels: readonly ((text: string, oldText: string, newText: string) => Replacement[])[] = [
  findExact,
  (text, oldText, newText) => findLines(text, oldText, newText, sameButTrailingSpace),
  findFolded,
  (text, oldText, newText) => findLines(text, oldText, newText, sameButLookAlikes),
  (text, oldText, newText) => findLines(text, oldText, newText, indentShift),
];

const unifyBreaks = (text: string): string => text.replaceAll("\r\n", "\n");

/**
 * Text with `oldText` replaced. `text` has LF line ends.
 * @throws AgentError conflict when it does not occur, or occurs more than once without `replaceAll`.
 */
export function replaceText(
  text: string,
  edit: { oldText: string; newText: string; replaceAll: boolean; path: string },
): { text: string; count: number; firstLine: number } {
  const oldText = text.includes("\r\n") ? edit.oldText : unifyBreaks(edit.oldText);
  const newText = text.includes("\r\n") ? edit.newText : unifyBreaks(edit.newText);
  if (oldText === newText)
    throw new AgentError("invalid_input", "oldText and newText are equal; nothing would change.");
  for (const find of levels) {
    const found = find(text, oldText, newText);
    if (found.length === 0) continue;
    if (found.length > 1 && !edit.replaceAll) throw new AgentError("conflict", describeMatches(text, found, edit.path));
    const apart = withoutOverlaps(found);
    return { text: apply(text, apart), count: apart.length, firstLine: lineOf(text, apart[0]?.start ?? 0) };
  }
  throw new AgentError("conflict", describeNearest(text, oldText, edit.path));
}

/** The places from the first one on that do not touch the one before. */
function withoutOverlaps(found: readonly Replacement[]): Replacement[] {
  const apart: Replacement[] = [];
  for (const each of found) if (each.start >= (apart.at(-1)?.end ?? 0)) apart.push(each);
  return apart;
}

function apply(text: string, found: readonly Replacement[]): string {
  let result = "";
  let from = 0;
  for (const { start, end, newText } of found) {
    result += text.slice(from, start) + newText;
    from = end;
  }
  return result + text.slice(from);
}

/** 1-based line of an offset. */
function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
