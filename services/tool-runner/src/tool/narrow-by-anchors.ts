// Which of several places a hunk means whose header names the lines around it: the one inside of
// what the last of these lines begins. An anchor never makes a place fit; it only rules places out.
import { describeNearest, describePlaces } from "./describe-matches.ts";
import type { Place } from "./find-block.ts";
import { indentOf, isBlank } from "./map-indentation.ts";

export type Narrowed = { places: Place[] } | { problem: string };

const tabWidth = 8;
const width = (line: string) => indentOf(line).replaceAll("\t", " ".repeat(tabWidth)).length;
/** A line that only closes what an earlier one opened. */
const closes = (line: string) => /^\s*(?:[)\]}]+[;,)]*|end)\s*$/u.test(line);

/** Lines within bounds that are the anchor; only where there is none, those that begin with it. */
function linesOf(lines: readonly string[], anchor: string, from: number): number[] {
  const found = (fits: (text: string) => boolean) =>
    lines.flatMap((line, at) => (at >= from && fits(line.trim()) ? [at] : []));
  const same = found((text) => text === anchor);
  if (same.length > 0) return same;
  return found((text) => text.startsWith(anchor) && !/^[\p{L}\p{N}_]/u.test(text.slice(anchor.length)));
}

/** Index behind the last line that is indented under a line; the line's own next one when none is. */
function endOfBlock(lines: readonly string[], at: number): number {
  const own = width(lines[at] ?? "");
  for (let index = at + 1; index < lines.length; index += 1) {
    const line = lines[index] ?? "";
    if (!isBlank(line) && width(line) <= own && !closes(line)) return index;
  }
  return lines.length;
}

function opensBlock(lines: readonly string[], at: number): boolean {
  const next = lines.slice(at + 1).find((line) => !isBlank(line));
  return next !== undefined && width(next) > width(lines[at] ?? "");
}

type Found = { at: number } | { problem: string };

/** The line that the anchors lead to, one inside of the other. */
function findAnchor(lines: readonly string[], anchors: readonly string[], path: string): Found {
  let at = 0;
  for (const anchor of anchors) {
    const found = linesOf(lines, anchor, at);
    const [only, second] = found;
    if (only === undefined) {
      const near = describeNearest(lines, { path, wanted: [anchor], replacement: [anchor] });
      return { problem: `its anchor ${JSON.stringify(anchor)} is no line of the file. ${near}` };
    }
    if (second !== undefined) {
      const shown = describePlaces(lines, found);
      return {
        problem: `its anchor ${JSON.stringify(anchor)} is ${found.length} lines of the file. Places:\n${shown}`,
      };
    }
    at = only;
  }
  return { at };
}

/** The places that lie where the anchors say. */
export function narrowByAnchors(
  lines: readonly string[],
  places: readonly Place[],
  { anchors, path }: { anchors: readonly string[]; path: string },
): Narrowed {
  if (anchors.length === 0) return { places: [...places] };
  const found = findAnchor(lines, anchors, path);
  const shown = describePlaces(
    lines,
    places.map(({ at }) => at),
  );
  if ("problem" in found) {
    return { problem: `${found.problem}${places.length === 0 ? "" : `\nIts own lines are here:\n${shown}`}` };
  }
  const end = opensBlock(lines, found.at) ? endOfBlock(lines, found.at) : lines.length;
  const inside = places.filter(({ at }) => at >= found.at && at < end);
  if (inside.length > 0 || places.length === 0) return { places: inside };
  const what = `line ${found.at + 1}, ${JSON.stringify(lines[found.at]?.trim() ?? "")}`;
  return { problem: `its lines are not where its anchor says (${what}), but here:\n${shown}` };
}
