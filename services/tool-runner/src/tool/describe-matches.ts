// Words for an edit that was refused, so that a model can correct itself without guessing.

const maxShown = 5;
const maxLineChars = 160;

function shorten(line: string): string {
  return line.length > maxLineChars ? `${line.slice(0, maxLineChars)}…` : line;
}

function numbered(lines: readonly string[], first: number): string {
  return lines.map((line, index) => `${String(first + index).padStart(6)} | ${shorten(line)}`).join("\n");
}

/** Several places match: where, and the lines there. */
export function describeMatches(text: string, found: readonly { start: number; end: number }[], path: string): string {
  const lines = text.split("\n");
  const places = found.slice(0, maxShown).map(({ start }) => {
    const line = text.slice(0, start).split("\n").length;
    return numbered(lines.slice(Math.max(0, line - 2), line + 1), Math.max(1, line - 1));
  });
  const more = found.length > maxShown ? `\n… and ${found.length - maxShown} more` : "";
  return (
    `oldText occurs ${found.length} times in ${path}; nothing was changed. ` +
    `Add surrounding lines so that it is unique, or set replaceAll. Places:\n${places.join("\n  --\n")}${more}`
  );
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

/** Nothing matches: the stretch of the file most like what was looked for. */
export function describeNearest(text: string, oldText: string, path: string): string {
  const lines = text.split("\n").slice(0, maxComparedLines);
  const wanted = oldText.split("\n").filter((line) => line.trim() !== "");
  const key = wanted.reduce((best, line) => (words(line).size > words(best).size ? line : best), wanted[0] ?? "");
  const offset = Math.max(0, oldText.split("\n").indexOf(key));
  const keyWords = words(key);
  let best = { index: -1, score: 0.3 };
  lines.forEach((line, index) => {
    const score = likeness(words(line), keyWords);
    if (score > best.score) best = { index, score };
  });
  const head = `oldText does not occur in ${path}; nothing was changed.`;
  if (best.index < 0) return `${head} Nothing like it is there either: read the file again.`;
  const from = Math.max(0, best.index - offset - 1);
  const nearest = lines.slice(from, from + Math.min(12, wanted.length + 3));
  return `${head} The file may have changed. Nearest lines:\n${numbered(nearest, from + 1)}`;
}
