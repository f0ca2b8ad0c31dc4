// The lines of a hit that are shown.
import { indexLimits } from "../limits.ts";
import type { ScoredChunk } from "./chunks.ts";

export type Snippet = { startLine: number; endLine: number; snippet: string };

function clip(line: string): string {
  return line.length > 400 ? `${line.slice(0, 399)}…` : line;
}

/** Whole when the chunk is short; else its head when the match is near, else lines around the match. */
export function cutSnippet(chunk: ScoredChunk, lines: readonly string[]): Snippet {
  const { maxSnippetLines, maxSnippetChars } = indexLimits;
  const last = Math.min(chunk.end, lines.length);
  const isNearHead = chunk.focus - chunk.start < maxSnippetLines;
  const from = isNearHead ? chunk.start : Math.max(chunk.start, chunk.focus - Math.floor(maxSnippetLines / 3));
  const shown: string[] = [];
  let chars = 0;
  for (let line = from; line <= last && shown.length < maxSnippetLines; line += 1) {
    const text = clip(lines[line - 1] ?? "");
    chars += text.length + 1;
    if (chars > maxSnippetChars && shown.length > 0) break;
    shown.push(text);
  }
  while (shown.length > 1 && shown.at(-1)?.trim() === "") shown.pop();
  return { startLine: from, endLine: from + Math.max(0, shown.length - 1), snippet: shown.join("\n") };
}
