// Places the hunks of one file. Each hunk's old lines must be found at exactly one place of the
// whole file; its line number is only a hint and never decides between places, and neither does
// the order of the hunks.
import { AgentError } from "@ossaat/contracts";

import type { LineOp } from "./align-lines.ts";
import { checkNewLines, checkNotMade } from "./check-edit.ts";
import { describeNearest, describePlaces } from "./describe-matches.ts";
import { findBlock } from "./find-block.ts";
import type { Tolerance } from "./find-block.ts";
import { narrowByAnchors } from "./narrow-by-anchors.ts";
import { indentUnit, isBlank } from "./map-indentation.ts";
import type { Hunk } from "./parse-patch.ts";
import { rebuildBlock } from "./rebuild-block.ts";
import { hasFinalBreak, trimEdit } from "./text-file.ts";
import type { LineEdit, TextFile } from "./text-file.ts";

export type PlacedHunks = {
  /** In rising order, none touching another. */
  edits: LineEdit[];
  /** What was ignored to place a hunk, by its header. */
  tolerances: { header: string; tolerances: Tolerance[] }[];
};

type Sides = { old: string[]; added: string[]; ops: LineOp[] };

function sidesOf(hunk: Hunk): Sides {
  const sides: Sides = { old: [], added: [], ops: [] };
  for (const { kind, text } of hunk.lines) {
    const [old, added] = [sides.old.length, sides.added.length];
    if (kind !== "+") sides.old.push(text);
    if (kind !== "-") sides.added.push(text);
    if (kind === " ") sides.ops.push({ kind: "keep", old, new: added });
    else sides.ops.push(kind === "-" ? { kind: "drop", old } : { kind: "add", new: added });
  }
  return sides;
}

function conflict(message: string): AgentError {
  return new AgentError("conflict", `${message} Nothing was changed.`);
}

type Target = { lines: readonly string[]; path: string; mode: "exact" | "tolerant" };

/** Place of a hunk's old lines. @throws AgentError conflict */
function locate(
  { lines, path, mode }: Target,
  hunk: Hunk,
  { old, added }: Sides,
): { at: number; tolerances: Tolerance[] } {
  const name = `Hunk "${hunk.header}" of ${path}`;
  if (old.length === 0 && lines.length === 0) return { at: 0, tolerances: [] };
  if (old.every(isBlank)) throw conflict(`${name} has no context line to find its place by; add some.`);
  const all = findBlock(lines, old, mode);
  const narrowed = narrowByAnchors(lines, all, { anchors: hunk.anchors ?? [], path });
  if ("problem" in narrowed) throw conflict(`${name} does not apply: ${narrowed.problem}\n`);
  const { places } = narrowed;
  const [place] = places;
  if (hunk.isAtEnd === true && place !== undefined && !places.some(({ at }) => at + old.length >= lines.length)) {
    const shown = describePlaces(
      lines,
      places.map(({ at }) => at),
    );
    throw conflict(`${name} is said to be at the end of the file, but its lines are here:\n${shown}\n`);
  }
  if (place !== undefined && places.length === 1) return place;
  if (places.length > 1) {
    const at = places.slice(0, 10).map((each) => each.at + 1);
    const loose = places.some(({ tolerances }) => !tolerances.includes("none"));
    throw conflict(
      `${name} fits ${places.length} places (lines ${at.join(", ")})${loose ? " when white space and look-alike characters are ignored" : ""}; add context lines until it fits one. Places:\n${describePlaces(
        lines,
        places.map((each) => each.at),
      )}\n`,
    );
  }
  const near = describeNearest(lines, { path, wanted: old, replacement: added });
  throw conflict(`${name} does not apply. ${near}\n`);
}

/** Edits in rising order; two that touch the same line, or add at the same point, contradict each other. */
function refuseTouching(edits: readonly LineEdit[], path: string): void {
  edits.forEach((edit, index) => {
    const before = edits[index - 1];
    if (before === undefined) return;
    const samePoint = before.remove === 0 && edit.remove === 0 && before.at === edit.at;
    if (before.at + before.remove > edit.at || samePoint) {
      throw conflict(`Two hunks of ${path} change line ${edit.at + 1}; make them one.`);
    }
  });
}

/** Where all hunks go in a file. @throws AgentError conflict */
export function placeHunks(
  file: TextFile,
  hunks: readonly Hunk[],
  { path, mode }: { path: string; mode: "exact" | "tolerant" },
): PlacedHunks {
  const hadFinalBreak = hasFinalBreak(file);
  const lines = hadFinalBreak ? file.lines.slice(0, -1) : file.lines;
  const unit = indentUnit(lines);
  let finalBreak = hadFinalBreak;
  const tolerances: PlacedHunks["tolerances"] = [];
  const edits = hunks.map((hunk): LineEdit => {
    const sides = sidesOf(hunk);
    const place = locate({ lines, path, mode }, hunk, sides);
    const block = lines.slice(place.at, place.at + sides.old.length);
    checkNewLines(sides.old, sides.added, path);
    checkNotMade(lines, place.at, { ...sides, path });
    if (!place.tolerances.includes("none")) tolerances.push({ header: hunk.header, tolerances: place.tolerances });
    const isLast = place.at + sides.old.length >= lines.length;
    if (isLast && (hunk.noNewlineOld || hunk.noNewlineNew)) finalBreak = !hunk.noNewlineNew;
    const insert = rebuildBlock({ ...sides, block, unit, path, at: place.at });
    return trimEdit(lines, { at: place.at, remove: sides.old.length, insert });
  });
  edits.sort((a, b) => a.at - b.at || a.at + a.remove - (b.at + b.remove));
  refuseTouching(edits, path);
  const left = edits.reduce((count, { remove, insert }) => count + insert.length - remove, lines.length);
  if (left > 0 && finalBreak !== hadFinalBreak) {
    edits.push({ at: lines.length, remove: finalBreak ? 0 : 1, insert: finalBreak ? [""] : [] });
  }
  return { edits, tolerances };
}
