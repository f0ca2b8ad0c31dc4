// Finds the one place a model means by a piece of text, and what the text there becomes. Exact
// first, then with ever more tolerance for what models get wrong; at each level exactly one place
// must match, and what the edit does not change stays the file's. Never guesses: what is not
// unique, not there or not certain is refused with what was found instead.
import { AgentError } from "@ossaat/contracts";

import { alignFromEnd, alignLines } from "./align-lines.ts";
import { describeNearest, describePlaces, numbered } from "./describe-matches.ts";
import { checkExact, checkNewLines, checkNotMade } from "./check-edit.ts";
import { findBlock } from "./find-block.ts";
import type { Place, Tolerance } from "./find-block.ts";
import { foldLookAlikes } from "./look-alikes.ts";
import { indentUnit } from "./map-indentation.ts";
import { rebuildBlock } from "./rebuild-block.ts";
import { plainText } from "./text-file.ts";
import type { LineEdit } from "./text-file.ts";

export type TextEdit = {
  oldText: string;
  newText: string;
  replaceAll: boolean;
  path: string;
  /** `exact`: the edit was approved word for word, so nothing else may happen. */
  mode: "exact" | "tolerant";
};

export type Replaced = { edits: LineEdit[]; count: number; firstLine: number; tolerances: Tolerance[] };

function occurrences(text: string, wanted: string): number[] {
  const found: number[] = [];
  // Overlapping ones count: "}\n}" in "}\n}\n}" is at two places, and which one is meant nobody knows.
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + 1)) found.push(at);
  return found;
}

const lineStart = (text: string, offset: number): number => text.lastIndexOf("\n", offset - 1) + 1;

/** "  x" within "    x" is another line, indented deeper, and not the text that was asked for. */
function splitsIndentation(text: string, wanted: string, offset: number): boolean {
  return /^[ \t]/u.test(wanted) && /^[ \t]+$/u.test(text.slice(lineStart(text, offset), offset));
}

/** Offsets to line numbers, counted from 0. */
function lineIndex(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => starts.findLastIndex((start) => start <= offset);
}

/** The whole lines around a stretch, with the stretch replaced. */
type Stretch = { at: number; old: string[]; added: string[] };

function widen(text: string, offset: number, edit: TextEdit, lineOf: (offset: number) => number): Stretch {
  const end = offset + edit.oldText.length;
  const close = text.indexOf("\n", end);
  const before = text.slice(lineStart(text, offset), offset);
  const after = text.slice(end, close < 0 ? text.length : close);
  const whole = (middle: string) => (before + middle + after).split("\n");
  return { at: lineOf(offset), old: whole(edit.oldText), added: whole(edit.newText) };
}

function conflict(message: string): AgentError {
  return new AgentError("conflict", message);
}

function refuseSeveral(lines: readonly string[], places: readonly number[], edit: TextEdit, how: string): AgentError {
  const ask = how === "" ? "Add surrounding lines so that it is unique, or set replaceAll." : "Copy the lines exactly.";
  return conflict(
    `oldText occurs ${places.length} times in ${edit.path}${how}; nothing was changed. ${ask} Places:\n${describePlaces(lines, places)}`,
  );
}

/** The places from the first one on that do not touch the one before. */
function withoutOverlaps(offsets: readonly number[], length: number): number[] {
  const apart: number[] = [];
  for (const offset of offsets) if (offset >= (apart.at(-1) ?? -length) + length) apart.push(offset);
  return apart;
}

/** Stretches that share a line become one edit. */
function mergeStretches(text: string, offsets: readonly number[], edit: TextEdit): LineEdit[] {
  const lineOf = lineIndex(text);
  const lines = text.split("\n");
  const edits: LineEdit[] = [];
  let group: number[] = [];
  const flush = () => {
    const [first, last] = [group[0] ?? 0, (group.at(-1) ?? 0) + edit.oldText.length];
    const at = lineOf(first);
    const close = text.indexOf("\n", last);
    let result = "";
    let from = lineStart(text, first);
    for (const offset of group) {
      result += text.slice(from, offset) + edit.newText;
      from = offset + edit.oldText.length;
    }
    result += text.slice(from, close < 0 ? text.length : close);
    const remove = lineOf(last) - at + 1;
    edits.push({ at, remove: Math.min(remove, lines.length - at), insert: result.split("\n") });
  };
  for (const offset of offsets) {
    const before = group.at(-1);
    if (before !== undefined && lineOf(before + edit.oldText.length) < lineOf(offset)) {
      flush();
      group = [];
    }
    group.push(offset);
  }
  flush();
  return edits;
}

function replaceExact(lines: readonly string[], edit: TextEdit): Replaced | undefined {
  const text = lines.join("\n");
  const all = occurrences(text, edit.oldText);
  const offsets = all.filter((offset) => !splitsIndentation(text, edit.oldText, offset));
  if (offsets.length === 0) return undefined;
  const lineOf = lineIndex(text);
  if (offsets.length > 1 && !edit.replaceAll) throw refuseSeveral(lines, offsets.map(lineOf), edit, "");
  const apart = withoutOverlaps(offsets, edit.oldText.length);
  for (const offset of apart) checkExact({ text, offset, line: lineOf(offset), lines, edit });
  const firstLine = lineOf(apart[0] ?? 0) + 1;
  return { edits: mergeStretches(text, apart, edit), count: apart.length, firstLine, tolerances: [] };
}

/** Places of part of a line that differs in look-alikes only. */
function foldedStretches(lines: readonly string[], edit: TextEdit): Stretch[] {
  const text = lines.join("\n");
  const [folded, wanted] = [foldLookAlikes(text), foldLookAlikes(edit.oldText)];
  const lineOf = lineIndex(text);
  return occurrences(folded, wanted)
    .filter((offset) => !splitsIndentation(folded, wanted, offset))
    .map((offset) => widen(text, offset, edit, lineOf));
}

/** Both sides as whole lines; a line end that both have is no line of its own. */
function wholeLines({ oldText, newText }: TextEdit): { old: string[]; added: string[] } {
  if (!oldText.endsWith("\n")) return { old: oldText.split("\n"), added: newText.split("\n") };
  const old = oldText.slice(0, -1).split("\n");
  if (newText === "") return { old, added: [] };
  return { old, added: (newText.endsWith("\n") ? newText.slice(0, -1) : newText).split("\n") };
}

function replaceTolerant(lines: readonly string[], edit: TextEdit): Replaced | undefined {
  const { old, added } = wholeLines(edit);
  const places: (Place & { stretch?: Stretch })[] = findBlock(lines, old, "tolerant");
  const byLine = new Set(places.map(({ at }) => at));
  for (const stretch of foldedStretches(lines, edit)) {
    if (!byLine.has(stretch.at)) places.push({ at: stretch.at, tolerances: ["look-alike characters"], stretch });
  }
  if (places.length === 0) return undefined;
  const [place] = places;
  if (place === undefined || places.length > 1) {
    throw refuseSeveral(
      lines,
      places.map(({ at }) => at).toSorted((a, b) => a - b),
      edit,
      " when white space and look-alike characters are ignored",
    );
  }
  const sides = place.stretch ?? { old, added };
  const where = { path: edit.path, at: place.at, unit: indentUnit(lines) };
  const block = lines.slice(place.at, place.at + sides.old.length);
  const base = { ...where, block, old: sides.old, added: sides.added };
  const insert = rebuildBlock({ ...base, ops: alignLines(sides.old, sides.added) });
  const again = rebuildBlock({ ...base, ops: alignFromEnd(sides.old, sides.added) });
  if (insert.join("\n") !== again.join("\n")) {
    throw conflict(
      `oldText is at line ${place.at + 1} of ${edit.path} but for white space, and which lines change can be read in two ways; nothing was changed. Copy the lines exactly:\n${numbered(block.slice(0, 20), place.at + 1)}`,
    );
  }
  const edits = [{ at: place.at, remove: sides.old.length, insert }];
  return { edits, count: 1, firstLine: place.at + 1, tolerances: place.tolerances };
}

/**
 * The edits that replace `oldText` by `newText` in a file's lines.
 * @throws AgentError conflict when it does not occur, or occurs more than once without `replaceAll`,
 * or when what it becomes is not certain.
 */
export function replaceText(lines: readonly string[], asked: TextEdit): Replaced {
  const edit = { ...asked, oldText: plainText(asked.oldText), newText: plainText(asked.newText) };
  if (edit.oldText === edit.newText)
    throw new AgentError("invalid_input", "oldText and newText are equal; nothing would change.");
  const sides = wholeLines(edit);
  const found = replaceExact(lines, edit) ?? (edit.mode === "tolerant" ? replaceTolerant(lines, edit) : undefined);
  if (found === undefined) {
    const near = describeNearest(lines, { path: edit.path, wanted: sides.old, replacement: sides.added });
    throw conflict(`oldText does not occur in ${edit.path}; nothing was changed. ${near}`);
  }
  if (found.tolerances.length > 0) checkNotMade(lines, found.firstLine - 1, { ...sides, path: edit.path });
  checkNewLines(edit.oldText.split("\n"), edit.newText.split("\n"), edit.path);
  if (edit.oldText.endsWith("\n") && edit.newText !== "" && !edit.newText.endsWith("\n")) {
    throw conflict(
      `oldText, at line ${found.firstLine} of ${edit.path}, ends with a line break and newText does not, so its last line would be joined to the line after it; nothing was changed. End both the same way.`,
    );
  }
  return found;
}
