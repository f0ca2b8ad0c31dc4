// First stage: scores every file of a commit by path, names and text, and by the subjects of
// past commits that changed it.
import type { CommitView, Document, HistoryDoc } from "./commit-view.ts";
import { findPosting, readPosting } from "./corpus.ts";
import type { Query, QueryTerm } from "./query.ts";
import { weights } from "./weights.ts";

const { k1, b } = weights.bm25;

/** Rarity of a term found in `found` of `total` documents. */
function rarity(found: number, total: number): number {
  return Math.log(1 + (total - found + 0.5) / (found + 0.5));
}

type Match = { document: number; term: number; count: number };

export type FileScores = {
  /** Text, path and names; by document. */
  text: Float64Array;
  history: Float64Array;
  symbol: Float64Array;
  mentioned: Float64Array;
  /** Rarity of each term of the query, in its order. */
  rarities: number[];
};

function matchTerm(document: Document, { id }: QueryTerm): number {
  const { count, isDefinition } = readPosting(findPosting(document.text, id));
  const inPath = document.pathTerms.includes(id) ? weights.pathCount : 0;
  return count + inPath + (isDefinition ? weights.definitionCount : 0);
}

function scoreText(view: CommitView, terms: readonly QueryTerm[]): { scores: Float64Array; rarities: number[] } {
  const matches: Match[] = [];
  const found = terms.map(() => 0);
  view.documents.forEach((document, index) => {
    terms.forEach((term, at) => {
      const count = matchTerm(document, term);
      if (count === 0) return;
      found[at] = (found[at] ?? 0) + 1;
      matches.push({ document: index, term: at, count });
    });
  });
  const rarities = terms.map((term, at) => rarity(found[at] ?? 0, view.documents.length) * term.weight);
  const scores = new Float64Array(view.documents.length);
  for (const { document, term, count } of matches) {
    const target = view.documents[document];
    if (target === undefined) continue;
    const length = target.text.length + weights.pathCount * target.pathTerms.length;
    const norm = k1 * (1 - b + (b * length) / view.meanLength);
    scores[document] = (scores[document] ?? 0) + ((rarities[term] ?? 0) * count * (k1 + 1)) / (count + norm);
  }
  return { scores, rarities };
}

function scoreSubjects(
  history: readonly HistoryDoc[],
  terms: readonly QueryTerm[],
): { doc: HistoryDoc; score: number }[] {
  const hits = history
    .map((doc) => ({ doc, terms: terms.filter(({ id }) => doc.terms.includes(id)) }))
    .filter((hit) => hit.terms.length > 0);
  const rarityOf = new Map(
    terms.map((term) => [term.id, rarity(hits.filter((hit) => hit.terms.includes(term)).length, history.length)]),
  );
  const mean = history.reduce((sum, doc) => sum + doc.terms.length, 0) / Math.max(1, history.length);
  return hits.map(({ doc, terms: found }) => {
    const norm = k1 * (1 - b + (b * doc.terms.length) / mean);
    const score = found.reduce((sum, { id }) => sum + ((rarityOf.get(id) ?? 0) * (k1 + 1)) / (1 + norm), 0);
    return { doc, score };
  });
}

function scoreHistory(view: CommitView, terms: readonly QueryTerm[]): Float64Array {
  const scores = new Float64Array(view.documents.length);
  const newest = view.history[0]?.atSeconds ?? 0;
  const best = scoreSubjects(view.history, terms)
    .sort((left, right) => right.score - left.score)
    .slice(0, weights.historyVotes);
  for (const { doc, score } of best) {
    const days = Math.max(0, newest - doc.atSeconds) / 86_400;
    const vote =
      ((score * score) / Math.sqrt(doc.documents.length)) * (0.5 + 0.5 * Math.exp(-days / weights.historyDays));
    for (const index of doc.documents) scores[index] = (scores[index] ?? 0) + vote;
  }
  return scores;
}

/** A name the query spells out counts for the files that seem to define it; the fewer, the more. */
function scoreNames(view: CommitView, names: Query["names"]): Float64Array {
  const scores = new Float64Array(view.documents.length);
  for (const { id } of names) {
    const defining: number[] = [];
    view.documents.forEach((document, index) => {
      if (readPosting(findPosting(document.text, id)).isDefinition) defining.push(index);
    });
    for (const index of defining) scores[index] = (scores[index] ?? 0) + 1 / defining.length;
  }
  return scores;
}

function scorePaths(view: CommitView, paths: readonly string[]): Float64Array {
  const scores = new Float64Array(view.documents.length);
  if (paths.length === 0) return scores;
  view.documents.forEach((document, index) => {
    const path = document.path.toLowerCase();
    if (paths.some((wanted) => path === wanted || path.endsWith(`/${wanted}`))) scores[index] = 1;
  });
  return scores;
}

/** Scores of all files; nothing is parsed for it. */
export function rankFiles(view: CommitView, query: Query): FileScores {
  const { scores: text, rarities } = scoreText(view, query.terms);
  return {
    text,
    rarities,
    history: scoreHistory(view, query.terms),
    symbol: scoreNames(view, query.names),
    mentioned: scorePaths(view, query.paths),
  };
}

/** Factor for the kind of file; 1 when the query asks for that kind. */
export function classFactor(document: Document, query: Query): number {
  const isWanted =
    (document.class === "test" && query.wantsTests) ||
    (document.class === "docs" && query.wantsDocs) ||
    (document.class === "changelog" && query.wantsDocs) ||
    (document.class === "config" && query.wantsConfig) ||
    (document.class === "example" && query.wantsExamples);
  if (isWanted) return document.class === "changelog" ? 0.5 : 1.1;
  return weights.class[document.class];
}

/** Values divided by the largest one. */
export function scaled(values: Float64Array): Float64Array {
  let most = 0;
  for (const value of values) most = Math.max(most, value);
  return most === 0 ? values : values.map((value) => value / most);
}
