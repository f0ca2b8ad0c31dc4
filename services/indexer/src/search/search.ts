// A search: rank files, parse the best candidates, rank their definitions, make hits.
import type { SearchHit } from "@ossaat/contracts";

import { readBlobs } from "../git/read-blobs.ts";
import { indexLimits } from "../limits.ts";
import type { SymbolReader } from "../symbols/read-symbols.ts";
import { qualifiedName } from "../symbols/symbol.ts";
import type { FileSymbol } from "../symbols/symbol.ts";
import type { CommitView, Document } from "./commit-view.ts";
import { cutChunks, enclosingSymbol, fileScoreOf, matchLines, scoreChunks } from "./chunks.ts";
import type { ScoredChunk } from "./chunks.ts";
import { readQuery } from "./query.ts";
import type { Query } from "./query.ts";
import { classFactor, rankFiles, scaled } from "./rank-files.ts";
import type { FileScores } from "./rank-files.ts";
import { cutSnippet } from "./snippet.ts";
import { weights } from "./weights.ts";

export type SearchInput = {
  root: string;
  view: CommitView;
  query: string;
  topK: number;
  pathPrefix: string;
  readSymbols: SymbolReader;
};

type Candidate = { document: Document; index: number; first: number };

type Studied = Candidate & { chunks: ScoredChunk[]; symbols: FileSymbol[]; lines: string[]; chunkScore: number };

function pickCandidates(
  view: CommitView,
  query: Query,
  scores: FileScores,
  { topK, pathPrefix }: SearchInput,
): Candidate[] {
  const text = scaled(scores.text);
  const history = scaled(scores.history);
  const count = Math.max(indexLimits.maxCandidates, Math.min(topK, indexLimits.maxTopK));
  return view.documents
    .map((document, index) => {
      const sum =
        text[index]! +
        weights.history * history[index]! +
        weights.symbol * scores.symbol[index]! +
        weights.mentionedPath * scores.mentioned[index]!;
      return { document, index, first: sum * classFactor(document, query) };
    })
    .filter(({ document, first }) => first > 0 && document.path.startsWith(pathPrefix))
    .sort((left, right) => right.first - left.first || (left.document.path < right.document.path ? -1 : 1))
    .slice(0, count);
}

async function study(
  candidates: Candidate[],
  query: Query,
  scores: FileScores,
  input: SearchInput,
): Promise<Studied[]> {
  const texts = new Map<string, Buffer>();
  const readable = candidates.filter(({ document }) => document.text.size > 0).map(({ document }) => document.blob);
  await readBlobs(input.root, [...new Set(readable)], (blob, data) => texts.set(blob, data));
  return Promise.all(
    candidates.map(async (candidate): Promise<Studied> => {
      const { document } = candidate;
      const data = texts.get(document.blob);
      if (data === undefined) return { ...candidate, chunks: [], symbols: [], lines: [], chunkScore: 0 };
      const text = data.toString("utf8");
      const symbols = await input.readSymbols(document, text);
      const lines = text.split("\n");
      const matches = matchLines(data, query, input.view.corpus.table);
      const scoring = { query, rarities: scores.rarities, document, matches };
      const chunks = scoreChunks(cutChunks(symbols, lines.length), scoring);
      return { ...candidate, chunks, symbols, lines, chunkScore: fileScoreOf(chunks) };
    }),
  );
}

type Scored = Studied & { score: number };

function scoreAll(studied: Studied[], query: Query, scores: FileScores): Scored[] {
  const text = scaled(scores.text);
  const history = scaled(scores.history);

  const mostChunk = Math.max(Number.MIN_VALUE, ...studied.map(({ chunkScore }) => chunkScore));
  return studied
    .map((file): Scored => {
      const sum =
        weights.file * text[file.index]! +
        (weights.chunk * file.chunkScore) / mostChunk +
        weights.symbol * Math.min(1, scores.symbol[file.index]!) +
        weights.history * history[file.index]! +
        weights.mentionedPath * scores.mentioned[file.index]!;
      const factor = classFactor(file.document, query) * (1 + weights.churn * file.document.churn);
      return { ...file, score: sum * factor };
    })
    .sort((left, right) => right.score - left.score || (left.document.path < right.document.path ? -1 : 1));
}

function signalsOf(file: Scored, chunk: ScoredChunk | undefined, query: Query, scores: FileScores): string[] {
  const words = (indexes: readonly number[]) =>
    [...new Set(indexes.map((index) => query.terms[index]?.word ?? ""))].filter((word) => word !== "").slice(0, 8);
  const inPath = query.terms.flatMap(({ id }, index) => (file.document.pathTerms.includes(id) ? [index] : []));
  const name = chunk?.symbol?.name.toLowerCase().replaceAll("_", "") ?? "";
  const inName = (chunk?.found ?? []).filter((index) => name.includes(query.terms[index]?.word ?? "\n"));
  const list = (label: string, found: string[]) => (found.length === 0 ? [] : [`${label}: ${found.join(", ")}`]);
  return [
    ...(scores.mentioned[file.index]! > 0 ? ["named in the query"] : []),
    ...list("path", words(inPath)),
    ...list("symbol", words(inName)),
    ...list("text", words(chunk?.found ?? [])),
    ...(scores.history[file.index]! > 0 ? ["history: changed for a similar reason"] : []),
  ];
}

function toHit(file: Scored, chunk: ScoredChunk | undefined, query: Query, scores: FileScores): SearchHit {
  const { path } = file.document;
  const signals = signalsOf(file, chunk, query, scores);
  if (chunk === undefined) {
    const shown = file.lines.slice(0, 5).join("\n").slice(0, 600);
    const endLine = Math.max(1, Math.min(5, file.lines.length));
    return { path, startLine: 1, endLine, score: file.score, snippet: shown, signals };
  }
  const symbol = enclosingSymbol(chunk, file.symbols);
  return {
    path,
    ...cutSnippet(chunk, file.lines),
    score: file.score,
    ...(symbol === undefined ? {} : { symbol: qualifiedName(symbol) }),
    signals,
  };
}

/** First the best place of each file, then further places of the best files. */
function toHits(files: readonly Scored[], query: Query, scores: FileScores, topK: number): SearchHit[] {
  const hits = files.map((file) => toHit(file, file.chunks[0], query, scores));
  const best = files[0]?.score ?? 0;
  const more = files
    .filter(({ score }) => score > best * 0.6)
    .flatMap((file) => {
      const first = file.chunks[0]?.score ?? 0;
      return file.chunks
        .slice(1, indexLimits.maxHitsPerFile)
        .filter(({ score }) => score > first * 0.7)
        .map((chunk) => {
          const hit = toHit(file, chunk, query, scores);
          return { ...hit, score: hit.score * (chunk.score / first) * 0.9 };
        });
    });
  return [...hits, ...more].sort((left, right) => right.score - left.score).slice(0, topK);
}

/** Best places for a query in words, best first; empty when no word of it occurs. */
export async function search(input: SearchInput): Promise<SearchHit[]> {
  const { view } = input;
  const query = readQuery(input.query, view.corpus.table);
  if (query.terms.length === 0 && query.paths.length === 0) return [];
  const scores = rankFiles(view, query);
  const candidates = pickCandidates(view, query, scores, input);
  const studied = await study(candidates, query, scores, input);
  const files = scoreAll(studied, query, scores);
  return toHits(files, query, scores, Math.min(input.topK, indexLimits.maxTopK));
}
