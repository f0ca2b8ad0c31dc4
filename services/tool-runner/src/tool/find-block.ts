// Finds whole lines in a file, exactly or under a tolerance. It lists places; that there must be
// exactly one is for the caller to hold.
import { foldLookAlikes } from "./look-alikes.ts";
import { indentOf, isBlank, isUniformShift } from "./map-indentation.ts";

/** What was ignored to find a place. */
export type Tolerance = "none" | "trailing space" | "look-alike characters" | "indentation";

export type Place = { at: number; tolerances: Tolerance[] };

type Key = (line: string) => string;

const fold: Key = (line) => foldLookAlikes(line).trimEnd();

function placesBy(lines: readonly string[], wanted: readonly string[], key: Key): number[] {
  const keys = lines.map(key);
  const own = wanted.map(key);
  const found: number[] = [];
  for (let at = 0; at + own.length <= keys.length; at += 1) {
    if (own.every((line, index) => line === keys[at + index])) found.push(at);
  }
  return found;
}

function isShifted(lines: readonly string[], wanted: readonly string[], at: number): boolean {
  const pairs = wanted.flatMap((line, index) =>
    isBlank(line) ? [] : [{ theirs: indentOf(line), ours: indentOf(lines[at + index] ?? "") }],
  );
  return isUniformShift(pairs);
}

function tolerancesAt(lines: readonly string[], wanted: readonly string[], at: number): Tolerance[] {
  const differs = (key: Key) => wanted.some((line, index) => key(line) !== key(lines[at + index] ?? ""));
  const found: Tolerance[] = [];
  const trailOf = (line: string) => (isBlank(line) ? line : line.slice(line.trimEnd().length));
  if (differs(trailOf)) found.push("trailing space");
  if (differs((line) => line.trim())) found.push("look-alike characters");
  if (differs((line) => (isBlank(line) ? "" : indentOf(line)))) found.push("indentation");
  return found;
}

/** A line by which a place can be told from others: a letter or digit in it. */
function tells(wanted: readonly string[]): boolean {
  return wanted.some((line) => /[\p{L}\p{N}]/u.test(line));
}

/**
 * Places of `wanted` at the first level that has any: as they are; but for trailing space; but for
 * look-alikes, uniform indentation or both together (these are equally far away, so they compete).
 */
export function findBlock(lines: readonly string[], wanted: readonly string[], mode: "exact" | "tolerant"): Place[] {
  const exact = placesBy(lines, wanted, (line) => line);
  if (exact.length > 0 || mode === "exact" || !tells(wanted)) return exact.map((at) => ({ at, tolerances: ["none"] }));
  const trailing = placesBy(lines, wanted, (line) => line.trimEnd());
  const loose = trailing.length > 0 ? trailing : looseBlocks(lines, wanted);
  return loose.map((at) => ({ at, tolerances: tolerancesAt(lines, wanted, at) }));
}

function looseBlocks(lines: readonly string[], wanted: readonly string[]): number[] {
  const folded = placesBy(lines, wanted, fold);
  const shifted = placesBy(lines, wanted, (line) => fold(line).trim()).filter((at) => isShifted(lines, wanted, at));
  return [...new Set([...folded, ...shifted])].toSorted((a, b) => a - b);
}
