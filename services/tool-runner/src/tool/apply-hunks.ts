// Applies the hunks of one file. Each hunk's old lines must be found at exactly one place; its
// line number is only a hint and never decides between places.
import { AgentError } from "@ossaat/contracts";

import { describeNearest } from "./describe-matches.ts";
import type { Hunk } from "./parse-patch.ts";

type Compare = (a: string, b: string) => boolean;

const comparisons: readonly Compare[] = [(a, b) => a === b, (a, b) => a.trimEnd() === b.trimEnd()];

function places(lines: readonly string[], wanted: readonly string[], from: number, same: Compare): number[] {
  const found: number[] = [];
  for (let at = from; at + wanted.length <= lines.length; at += 1) {
    if (wanted.every((line, index) => same(line, lines[at + index] ?? ""))) found.push(at);
  }
  return found;
}

function conflict(message: string): AgentError {
  return new AgentError("conflict", `${message} Nothing was changed.`);
}

/** Place of a hunk's old lines at or after `from`. @throws AgentError conflict */
function locate(lines: readonly string[], hunk: Hunk, from: number, path: string): number {
  const wanted = hunk.lines.filter((line) => line.kind !== "+").map((line) => line.text);
  if (wanted.length === 0) {
    if (lines.length === 0 || (lines.length === 1 && lines[0] === "")) return 0;
    throw conflict(`Hunk "${hunk.header}" of ${path} has no context line to find its place by; add some.`);
  }
  for (const same of comparisons) {
    const found = places(lines, wanted, from, same);
    if (found.length === 1) return found[0] ?? 0;
    if (found.length > 1) {
      const at = found.slice(0, 10).map((index) => index + 1);
      throw conflict(
        `Hunk "${hunk.header}" of ${path} fits ${found.length} places (lines ${at.join(", ")}); add context lines until it fits one.`,
      );
    }
  }
  const hint = describeNearest(lines.join("\n"), wanted.join("\n"), path).replace("oldText does", "The lines do");
  throw conflict(`Hunk "${hunk.header}" of ${path} does not apply. ${hint.replace("; nothing was changed", "")}`);
}

/** Text after all hunks; hunks come in order. `text` has LF line ends. @throws AgentError conflict */
export function applyHunks(text: string, hunks: readonly Hunk[], path: string): string {
  const lines = text.split("\n");
  const hadFinalBreak = lines.length > 1 && lines.at(-1) === "";
  if (hadFinalBreak || text === "") lines.pop();
  const result: string[] = [];
  let from = 0;
  let finalBreak = hadFinalBreak || text === "";
  for (const hunk of hunks) {
    const at = locate(lines, hunk, from, path);
    result.push(...lines.slice(from, at));
    let index = at;
    for (const line of hunk.lines) {
      // A context line stays as it is in the file, with its own trailing space.
      if (line.kind === " ") result.push(lines[index] ?? line.text);
      if (line.kind === "+") result.push(line.text);
      if (line.kind !== "+") index += 1;
    }
    from = index;
    if (from >= lines.length && (hunk.noNewlineOld || hunk.noNewlineNew)) finalBreak = !hunk.noNewlineNew;
  }
  result.push(...lines.slice(from));
  if (result.length === 0) return "";
  return result.join("\n") + (finalBreak ? "\n" : "");
}
