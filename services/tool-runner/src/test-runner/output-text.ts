// What the parsers of test outputs share: clean text, numbers, JSON among other lines, places.
import { reportLimits } from "../tool/limits.ts";
import type { Counts } from "./counts.ts";

export function shorten(text: string): string {
  const clean = text.trim();
  return clean.length > reportLimits.maxMessageChars ? `${clean.slice(0, reportLimits.maxMessageChars)}…` : clean;
}

// oxlint-disable-next-line no-control-regex -- terminal colours are what it removes
const colours = /\u001b\[[0-9;]*m/gu;

export function clean(output: string): string {
  return output.replace(colours, "").replaceAll("\r\n", "\n");
}

/** Last number after a pattern; runners repeat themselves and the summary comes last. */
export function lastNumber(text: string, pattern: RegExp): number | undefined {
  const value = [...text.matchAll(pattern)].at(-1)?.[1];
  return value === undefined ? undefined : Number(value);
}

export function sum(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
}

/** Counts without those that are unknown. */
export function defined(counts: {
  passed?: number | undefined;
  failed?: number | undefined;
  skipped?: number | undefined;
}) {
  return Object.fromEntries(Object.entries(counts).filter(([, value]) => value !== undefined)) as Omit<
    Counts,
    "failures"
  >;
}

/** JSON objects that begin a line, last first: runners mix them with what tests print. */
export function* jsonObjects(text: string): Generator<Record<string, unknown>> {
  const starts = [...text.matchAll(/^\{/gmu)].map((match) => match.index).toReversed();
  for (const start of starts) {
    for (const end of [
      text.length,
      text.lastIndexOf("}") + 1,
      text.indexOf("\n}", start) + 2,
      text.indexOf("\n", start),
    ]) {
      if (end <= start) continue;
      const found = tryJson(text.slice(start, end));
      if (found !== undefined) {
        yield found;
        break;
      }
    }
  }
}

export function tryJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const foreign = /(?:^|\/)(?:node_modules|site-packages|lib\/python[\d.]+|usr\/lib|rustc)\/|^node:|^file:/u;

/** A path of the box as one of the project. */
function projectPath(path: string): string {
  return path.replace(/^\/workspace\//u, "").replace(/^\.\//u, "");
}

/** The first `file:line` of a stack trace that is the project's own; `frames` has groups for both. */
export function firstPlace(text: string, frames: RegExp): { at?: string } {
  for (const [, file = "", line = ""] of text.matchAll(frames)) {
    if (!foreign.test(file)) return { at: `${projectPath(file)}:${line}` };
  }
  return {};
}

/** Frames of JavaScript stacks: `(/workspace/a.js:1:2)`, `at /workspace/a.js:1:2`, `file:///…`. */
export const javaScriptFrames =
  /(?:file:\/\/)?((?:\/|\.{0,2}\/?[\w@-]+\/)[^\s():'"]*|[\w.-]+\.[cm]?[jt]sx?):(\d+)(?::\d+)?/gu;
