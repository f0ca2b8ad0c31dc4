// Second stage: cuts a candidate file into definitions and blocks and scores each of them.
import type { FileSymbol } from "../symbols/symbol.ts";
import { stem } from "../text/stem.ts";
import { Tokenizer } from "../text/tokenize.ts";
import type { TermTable } from "../text/term-table.ts";
import type { Document } from "./commit-view.ts";
import type { Query } from "./query.ts";
import { weights } from "./weights.ts";

export type Chunk = {
  /** 1-based, inclusive. */
  start: number;
  end: number;
  symbol?: FileSymbol;
};

export type ScoredChunk = Chunk & {
  score: number;
  /** Query terms found in it, as positions in the query's list. */
  found: number[];
  /** Line with the most weight of matches, 1-based. */
  focus: number;
};

const leadLines = 4;
const maxChunkLines = 80;
const maxDefinitionLines = 400;
const blockLines = 60;
const meanChunkLength = 110;
const minChunkLength = 60;
const { k1, b } = weights.bm25;

function blocksBetween(covered: readonly boolean[], lineCount: number): Chunk[] {
  const blocks: Chunk[] = [];
  for (let line = 1; line <= lineCount;) {
    if (covered[line] === true) {
      line += 1;
      continue;
    }
    const start = line;
    while (line <= lineCount && covered[line] !== true && line - start < blockLines) line += 1;
    blocks.push({ start, end: line - 1 });
  }
  return blocks;
}

/** One chunk for each definition, and blocks for the lines between them. */
export function cutChunks(symbols: readonly FileSymbol[], lineCount: number): Chunk[] {
  const covered: boolean[] = [];
  const chunks: Chunk[] = [];
  let previousEnd = 0;
  for (const symbol of symbols) {
    if (symbol.endLine - symbol.line > maxDefinitionLines) continue;
    const lead = Math.max(1, symbol.line - leadLines, Math.min(symbol.line, previousEnd + 1));
    const end = Math.min(symbol.endLine, symbol.line + maxChunkLines, lineCount);
    chunks.push({ start: lead, end, symbol });
    for (let line = lead; line <= end; line += 1) covered[line] = true;
    previousEnd = Math.max(previousEnd, symbol.line);
  }
  return [...chunks, ...blocksBetween(covered, lineCount)];
}

/** Matches by line and, for lengths, the number of terms up to each line. */
type LineMatches = { lines: Int32Array; terms: Int32Array; sizes: Uint32Array };

/** Places of the query's terms in the text; `line` is 1-based. */
export function matchLines(data: Buffer, query: Query, table: TermTable): LineMatches {
  const positions = new Map(query.terms.map(({ id }, index) => [id, index]));
  const lines: number[] = [];
  const terms: number[] = [];
  const perLine: number[] = [0, 0];
  new Tokenizer(table, "known").run(data, {
    term(id, line) {
      perLine[line + 1] = (perLine[line + 1] ?? 0) + 1;
      const position = positions.get(id);
      if (position === undefined) return;
      lines.push(line + 1);
      terms.push(position);
    },
    definition: () => undefined,
  });
  const sizes = new Uint32Array(perLine.length + 1);
  for (let line = 1; line < sizes.length; line += 1) sizes[line] = (sizes[line - 1] ?? 0) + (perLine[line] ?? 0);
  return { lines: Int32Array.from(lines), terms: Int32Array.from(terms), sizes };
}

function nameTerms(symbol: FileSymbol | undefined): Set<string> {
  if (symbol === undefined) return new Set();
  const parts = symbol.name.split(/[_$:.\s]+|(?<=[^A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/u);
  return new Set([...parts, symbol.name.replaceAll(/[_$]/gu, "")].map((part) => stem(part.toLowerCase())));
}

type Scoring = { query: Query; rarities: readonly number[]; document: Document; matches: LineMatches };

function scoreChunk(chunk: Chunk, { query, rarities, document, matches }: Scoring): ScoredChunk {
  const counts = query.terms.map(() => 0);
  const weightOfLine = new Map<number, number>();
  matches.lines.forEach((line, index) => {
    if (line < chunk.start || line > chunk.end) return;
    const term = matches.terms[index] ?? 0;
    counts[term] = (counts[term] ?? 0) + 1;
    weightOfLine.set(line, (weightOfLine.get(line) ?? 0) + (rarities[term] ?? 0));
  });
  const names = nameTerms(chunk.symbol);
  const isValue = chunk.symbol?.kind === "constant" || chunk.symbol?.kind === "variable";
  const nameCount = isValue ? weights.valueNameCount : weights.chunkNameCount;
  const last = matches.sizes.length - 1;
  const length =
    (matches.sizes[Math.min(chunk.end, last)] ?? 0) - (matches.sizes[Math.min(chunk.start - 1, last)] ?? 0);
  const norm = k1 * (1 - b + (b * Math.max(length, minChunkLength)) / meanChunkLength);
  let score = 0;
  const found: number[] = [];
  query.terms.forEach(({ id, word }, term) => {
    const inName = names.has(stem(word)) ? nameCount : 0;
    const inPath = document.pathTerms.includes(id) ? weights.chunkPathCount : 0;
    const count = (counts[term] ?? 0) + inName + inPath;
    if (count === 0) return;
    if (count > inPath) found.push(term);
    score += ((rarities[term] ?? 0) * count * (k1 + 1)) / (count + norm);
  });
  const focus = [...weightOfLine].sort((left, right) => right[1] - left[1] || left[0] - right[0])[0]?.[0];
  return { ...chunk, score, found, focus: focus ?? chunk.symbol?.line ?? chunk.start };
}

/** The file's chunks that match anything, best first; overlapping ones give way to the better. */
export function scoreChunks(chunks: readonly Chunk[], scoring: Scoring): ScoredChunk[] {
  const scored = chunks
    .map((chunk) => scoreChunk(chunk, scoring))
    .filter(({ found }) => found.length > 0)
    .sort((left, right) => right.score - left.score || left.start - right.start);
  const kept: ScoredChunk[] = [];
  for (const chunk of scored) {
    if (kept.length >= 8) break;
    if (!kept.some((other) => chunk.start <= other.end && other.start <= chunk.end)) kept.push(chunk);
  }
  return kept;
}

/** Score of a whole file from its chunks. */
export function fileScoreOf(chunks: readonly ScoredChunk[]): number {
  const [first, second, third] = chunks;
  return (first?.score ?? 0) + weights.secondChunk * (second?.score ?? 0) + weights.thirdChunk * (third?.score ?? 0);
}

/** Name of what a chunk lies in: its own definition, or the smallest one around the focus. */
export function enclosingSymbol(chunk: ScoredChunk, symbols: readonly FileSymbol[]): FileSymbol | undefined {
  const around = symbols.filter(({ line, endLine }) => line <= chunk.focus && chunk.focus <= endLine);
  const smallest = around.sort((left, right) => left.endLine - left.line - (right.endLine - right.line))[0];
  return chunk.symbol ?? smallest;
}
