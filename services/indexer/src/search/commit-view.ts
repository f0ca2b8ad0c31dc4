// One commit of a repository as the ranking sees it: documents with path, class and terms.
import type { TreeEntry } from "../git/list-tree.ts";
import type { PastCommit } from "../git/read-history.ts";
import { classifyPath } from "../tree/classify-path.ts";
import type { PathClass } from "../tree/classify-path.ts";
import { languageOf } from "../tree/languages.ts";
import type { Language } from "../tree/languages.ts";
import type { BlobDoc, Corpus } from "./corpus.ts";

export type Document = {
  path: string;
  blob: string;
  bytes: number;
  class: PathClass;
  language: Language | undefined;
  pathTerms: number[];
  text: BlobDoc;
  /** 0 to 1: how much the file changed lately. */
  churn: number;
};

export type HistoryDoc = { terms: number[]; documents: number[]; atSeconds: number };

export type CommitView = {
  entries: TreeEntry[];
  byPath: Map<string, TreeEntry>;
  documents: Document[];
  meanLength: number;
  history: HistoryDoc[];
  corpus: Corpus;
};

const emptyDoc: BlobDoc = { segment: new Uint32Array(0), offset: 0, size: 0, length: 0 };
const secondsPerDay = 86_400;
const churnHalfDays = 180;

function addHistory(view: CommitView, past: readonly PastCommit[], corpus: Corpus): void {
  const indexOf = new Map(view.documents.map((document, index) => [document.path, index]));
  const newest = past[0]?.atSeconds ?? 0;
  const churn = new Float64Array(view.documents.length);
  for (const { subject, atSeconds, paths } of past) {
    const documents = paths.flatMap((path) => indexOf.get(path) ?? []);
    if (documents.length === 0) continue;
    const days = Math.max(0, newest - atSeconds) / secondsPerDay;
    for (const index of documents) churn[index] = (churn[index] ?? 0) + Math.exp(-days / churnHalfDays) / paths.length;
    view.history.push({ terms: corpus.termsOf(subject), documents, atSeconds });
  }
  let most = 0;
  for (const value of churn) most = Math.max(most, Math.log1p(value));
  view.documents.forEach((document, index) => {
    document.churn = most === 0 ? 0 : Math.log1p(churn[index] ?? 0) / most;
  });
}

/** Joins the tree, the indexed texts and the history. */
export function createCommitView(entries: TreeEntry[], past: readonly PastCommit[], corpus: Corpus): CommitView {
  const named = entries.filter(({ isNameText }) => isNameText);
  const documents = named
    .filter(({ kind }) => kind === "file")
    .map(({ path, blob, bytes }): Document => ({
      path,
      blob,
      bytes,
      class: classifyPath(path),
      language: languageOf(path),
      pathTerms: corpus.termsOf(path),
      text: corpus.get(blob) ?? emptyDoc,
      churn: 0,
    }));
  const withText = documents.filter(({ text }) => text.size > 0);
  const total = withText.reduce((sum, { text }) => sum + text.length, 0);
  const byPath = new Map(named.map((entry) => [entry.path, entry]));
  const meanLength = withText.length === 0 ? 1 : total / withText.length;
  const view: CommitView = { entries, byPath, documents, meanLength, history: [], corpus };
  addHistory(view, past, corpus);
  return view;
}
