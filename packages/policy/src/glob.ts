// Patterns over paths, as people and models write them. A pattern may come from a model: matching
// takes a bounded number of steps whatever it says, so there is no backtracking and no regular expression.

export const globLimits = {
  /** Characters of a pattern; the longest an envelope may hold. */
  maxChars: 512,
  /** Patterns that the braces of one stand for: more is no list a person would read. */
  maxAlternatives: 64,
  /** Characters of all those patterns together: with a path's length the bound of the work. */
  maxExpandedChars: 4_096,
} as const;

type Range = { from: string; to: string };
type Item =
  | { kind: "char"; char: string }
  | { kind: "any" }
  | { kind: "star" }
  | { kind: "class"; not: boolean; ranges: Range[] };
type Segment = "globstar" | Item[];

/** End of the group that opens at `open`, and where its commas are; undefined when it has no end or no comma. */
function findGroup(glob: string, open: number): { close: number; commas: number[] } | undefined {
  const commas: number[] = [];
  let depth = 0;
  for (let index = open; index < glob.length; index += 1) {
    const char = glob[index];
    if (char === "\\") index += 1;
    else if (char === "{") depth += 1;
    else if (char === "," && depth === 1) commas.push(index);
    else if (char === "}") {
      depth -= 1;
      if (depth === 0) return commas.length === 0 ? undefined : { close: index, commas };
    }
  }
  return undefined;
}

/** The first group of alternatives, cut out: what stands before, the alternatives, what stands after. */
function firstGroup(glob: string): string[] | undefined {
  for (let index = 0; index < glob.length; index += 1) {
    if (glob[index] === "\\") index += 1;
    else if (glob[index] === "{") {
      const group = findGroup(glob, index);
      if (group === undefined) continue;
      const edges = [index, ...group.commas, group.close];
      return edges.slice(1).map((end, at) => {
        const alternative = glob.slice((edges[at] ?? 0) + 1, end);
        return glob.slice(0, index) + alternative + glob.slice(group.close + 1);
      });
    }
  }
  return undefined;
}

/** The patterns without braces that one stands for, undefined when they are too many. */
function expandBraces(glob: string): string[] | undefined {
  const waiting = [glob];
  const done: string[] = [];
  let chars = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const patterns = firstGroup(next);
    if (patterns === undefined) {
      done.push(next);
      chars += next.length;
    } else waiting.push(...patterns);
    const isTooMuch = done.length + waiting.length > globLimits.maxAlternatives || chars > globLimits.maxExpandedChars;
    if (isTooMuch) return undefined;
  }
  return done;
}

/** A class that starts at `open`, or undefined when the bracket is only a bracket. */
function readClass(text: string, open: number): { item: Item; end: number } | undefined {
  const not = text[open + 1] === "!" || text[open + 1] === "^";
  const start = open + (not ? 2 : 1);
  // A bracket right at the start is a member, as everywhere.
  const close = text.indexOf("]", start + 1);
  if (close < 0) return undefined;
  const ranges: Range[] = [];
  for (let index = start; index < close; index += 1) {
    const from = text[index] ?? "";
    const isRange = text[index + 1] === "-" && index + 2 < close;
    ranges.push({ from, to: isRange ? (text[index + 2] ?? from) : from });
    if (isRange) index += 2;
  }
  return { item: { kind: "class", not, ranges }, end: close };
}

function readSegment(text: string): Segment {
  if (text === "**") return "globstar";
  const items: Item[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index] ?? "";
    const group = char === "[" ? readClass(text, index) : undefined;
    if (char === "*") {
      if (items.at(-1)?.kind !== "star") items.push({ kind: "star" });
    } else if (char === "?") items.push({ kind: "any" });
    else if (group !== undefined) {
      items.push(group.item);
      index = group.end;
    } else if (char === "\\" && index + 1 < text.length) {
      index += 1;
      items.push({ kind: "char", char: text[index] ?? "" });
    } else items.push({ kind: "char", char });
  }
  return items;
}

function matchesItem(item: Item | undefined, char: string): boolean {
  if (item === undefined || item.kind === "star") return false;
  if (item.kind === "any") return true;
  if (item.kind === "char") return item.char === char;
  return item.ranges.some(({ from, to }) => from <= char && char <= to) !== item.not;
}

/** Counts what was compared; the tests hold it against the bound. */
export type Tally = { steps: number };

/** One name against one segment. Only the last star ever takes more: length times length at most. */
function matchesSegment(items: readonly Item[], name: string, tally: Tally): boolean {
  let item = 0;
  let at = 0;
  let star: { item: number; at: number } | undefined;
  while (at < name.length) {
    tally.steps += 1;
    if (items[item]?.kind === "star") {
      item += 1;
      star = { item, at };
    } else if (matchesItem(items[item], name[at] ?? "")) {
      item += 1;
      at += 1;
    } else if (star === undefined) return false;
    else {
      star.at += 1;
      ({ item, at } = star);
    }
  }
  // A name is never empty: what is left of an empty one comes from a slash too many.
  return name !== "" && items.slice(item).every(({ kind }) => kind === "star");
}

/** Each pattern segment is held against each name once; `**` stands for any number of names. */
function matchesSegments(pattern: readonly Segment[], names: readonly string[], tally: Tally): boolean {
  // reached[i]: the pattern so far covers the first i names.
  let reached = names.map(() => false);
  reached = [true, ...reached];
  for (const [index, segment] of pattern.entries()) {
    const next = reached.map(() => false);
    // `src/**` is what lies in src, not a file of that name.
    const needsOne = index > 0 && index === pattern.length - 1;
    let isOpen = false;
    for (let count = 0; count < reached.length; count += 1) {
      tally.steps += 1;
      if (segment === "globstar") {
        next[count] = isOpen || (!needsOne && reached[count] === true);
        isOpen ||= reached[count] === true;
      } else if (count > 0 && reached[count - 1] === true) {
        next[count] = matchesSegment(segment, names[count - 1] ?? "", tally);
      }
    }
    reached = next;
  }
  return reached.at(-1) === true;
}

/**
 * Reads a pattern: `*` and `?` within a name, `**` as a whole segment for any number of folders (none,
 * too; at the end for all that lies below), `[a-z]` and `[!a-z]`, `{a,b}`, and `\` in front of a character that stands for itself. All else is
 * literal. Names that begin with a dot are names like others. Gives undefined for a pattern over the limits.
 */
export function compileGlob(glob: string): ((path: string, tally?: Tally) => boolean) | undefined {
  const patterns = glob.length > globLimits.maxChars ? undefined : expandBraces(glob);
  if (patterns === undefined) return undefined;
  const compiled = patterns.map((pattern) => pattern.split("/").map(readSegment));
  return (path, tally = { steps: 0 }) => {
    const names = path.split("/");
    return compiled.some((segments) => matchesSegments(segments, names, tally));
  };
}
