// What the index holds of a commit, and what it left out and why.
import type { RepositoryRef } from "@ossaat/contracts";

import type { TreeEntry } from "../git/list-tree.ts";
import type { CommitView } from "../search/commit-view.ts";
import { skipByEntry } from "../tree/skip-text.ts";
import type { SkipReason } from "../tree/skip-text.ts";

export type IndexStatus = {
  /** Entries of the tree. */
  entries: number;
  /** Files whose text can be searched. */
  indexed: number;
  /** What is found by its path only, or not at all; names that are not UTF-8 are shown escaped. */
  skipped: { path: string; reason: SkipReason }[];
};

export type StatusRequest = RepositoryRef & { limit: number };

function reasonOf(entry: TreeEntry, view: CommitView): SkipReason | undefined {
  const known = skipByEntry(entry);
  if (known !== undefined) return known;
  const doc = view.corpus.get(entry.blob);
  return doc === undefined ? "over_commit_limit" : doc.skipped;
}

/** Counts of a view; at most `limit` skipped paths are named. */
export function readStatus(view: CommitView, limit: number): IndexStatus {
  const all = view.entries.map((entry) => ({ entry, reason: reasonOf(entry, view) }));
  const skipped = all.flatMap(({ entry, reason }) =>
    reason === undefined ? [] : [{ path: entry.isNameText ? entry.path : JSON.stringify(entry.path), reason }],
  );
  return { entries: all.length, indexed: all.length - skipped.length, skipped: skipped.slice(0, limit) };
}
