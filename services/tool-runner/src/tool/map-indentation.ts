// Takes the indentation of a model's lines over to the indentation of the file. Only what follows
// from lines seen on both sides: what would be a guess is not mapped.

/** Indentation of a line in the edit and of the same line in the file. */
export type IndentPair = { theirs: string; ours: string };

export const indentOf = (line: string): string => /^[ \t]*/u.exec(line)?.[0] ?? "";
export const isBlank = (line: string): boolean => line.trim() === "";

/** The pairs as a function that keeps deeper deeper; undefined when they contradict each other. */
function seenPairs(pairs: readonly IndentPair[]): Map<string, string> | undefined {
  const seen = new Map<string, string>();
  for (const { theirs, ours } of pairs) {
    if (seen.has(theirs) && seen.get(theirs) !== ours) return undefined;
    seen.set(theirs, ours);
  }
  const sorted = [...seen].toSorted(([a], [b]) => a.length - b.length);
  const rises = sorted.every(([theirs, ours], index) => {
    const before = sorted[index - 1];
    return before === undefined || (theirs.startsWith(before[0]) && ours.startsWith(before[1]) && ours !== before[1]);
  });
  return rises ? seen : undefined;
}

/** Whether the lines' indentation could be the file's under one mapping. */
export function isUniformShift(pairs: readonly IndentPair[]): boolean {
  return seenPairs(pairs) !== undefined;
}

/** The smallest step between indentations, as text; undefined when there is none. */
function stepOf(indents: readonly string[]): string | undefined {
  const sorted = [...new Set(indents)].toSorted((a, b) => a.length - b.length);
  const steps = sorted.slice(1).flatMap((indent, index) => {
    const before = sorted[index] ?? "";
    return indent.startsWith(before) ? [indent.slice(before.length)] : [];
  });
  return steps.toSorted((a, b) => a.length - b.length)[0];
}

/** What one level is in a file: the step most often taken from one line to a deeper next one. */
export function indentUnit(lines: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  let before: string | undefined;
  for (const line of lines) {
    if (isBlank(line)) continue;
    const indent = indentOf(line);
    // One space more is the continuation of a comment, not a level.
    if (before !== undefined && indent.length > before.length && indent.startsWith(before)) {
      const step = indent.slice(before.length);
      if (step !== " ") counts.set(step, (counts.get(step) ?? 0) + 1);
    }
    before = indent;
  }
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0];
}

const levels = (indent: string, unit: string): number | undefined =>
  unit !== "" && indent === unit.repeat(indent.length / unit.length) ? indent.length / unit.length : undefined;

type Steps = { theirs: string; ours: string };

/** What one level is on both sides: from two seen depths, or from the units when they agree on one. */
function stepsOf(seen: Map<string, string>, wanted: readonly string[], unit: string | undefined): Steps | undefined {
  const sorted = [...seen].toSorted(([a], [b]) => a.length - b.length);
  const [first, second] = sorted;
  if (first === undefined) return undefined;
  if (second !== undefined) {
    const steps = { theirs: second[0].slice(first[0].length), ours: second[1].slice(first[1].length) };
    const isLinear = sorted.every(([theirs, ours]) => {
      const count = levels(theirs.slice(first[0].length), steps.theirs);
      return count !== undefined && ours.slice(first[1].length) === steps.ours.repeat(count);
    });
    return isLinear ? steps : undefined;
  }
  const theirs = stepOf([...wanted, first[0]]);
  if (theirs === undefined || unit === undefined) return undefined;
  if (theirs === unit) return { theirs, ours: unit };
  const [theirLevels, ourLevels] = [levels(first[0], theirs), levels(first[1], unit)];
  return theirLevels !== undefined && theirLevels > 0 && theirLevels === ourLevels ? { theirs, ours: unit } : undefined;
}

/**
 * Maps each of `wanted` (indentations of the edit's lines) to the file's; undefined when one of
 * them does not follow from the pairs and the file's unit.
 */
export function mapIndentation(
  pairs: readonly IndentPair[],
  wanted: readonly string[],
  unit: string | undefined,
): Map<string, string> | undefined {
  const seen = seenPairs(pairs);
  if (seen === undefined) return undefined;
  if (pairs.every(({ theirs, ours }) => theirs === ours)) return new Map(wanted.map((indent) => [indent, indent]));
  const mapped = new Map(seen);
  const steps = stepsOf(seen, wanted, unit);
  for (const indent of wanted) {
    if (mapped.has(indent)) continue;
    const anchor = [...seen].find(([theirs]) => indent.startsWith(theirs) || theirs.startsWith(indent));
    if (anchor === undefined || steps === undefined) return undefined;
    const [theirs, ours] = anchor;
    const isDeeper = indent.length > theirs.length;
    const rest = isDeeper ? indent.slice(theirs.length) : theirs.slice(indent.length);
    const count = levels(rest, steps.theirs);
    if (count === undefined) return undefined;
    const change = steps.ours.repeat(count);
    if (isDeeper) mapped.set(indent, ours + change);
    else if (ours.endsWith(change)) mapped.set(indent, ours.slice(0, ours.length - change.length));
    else return undefined;
  }
  return mapped;
}
