// Definitions by name: files whose text holds the name, parsed, best match first.
import type { IndexedSymbol } from "@ossaat/contracts";

import { readBlobs } from "../git/read-blobs.ts";
import { indexLimits } from "../limits.ts";
import type { SymbolReader } from "../symbols/read-symbols.ts";
import type { FileSymbol } from "../symbols/symbol.ts";
import { stem } from "../text/stem.ts";
import type { CommitView, Document } from "./commit-view.ts";
import { findPosting, readPosting } from "./corpus.ts";
import { weights } from "./weights.ts";

export type FindSymbolsInput = {
  root: string;
  view: CommitView;
  name: string;
  limit: number;
  readSymbols: SymbolReader;
};

function candidatesOf(view: CommitView, name: string): Document[] {
  const last = name.split(/[.#:/]+/u).findLast((part) => part !== "") ?? name;
  const id = view.corpus.table.idOf(stem(last.toLowerCase().replaceAll(/[_$]/gu, "")), "known");
  if (id < 0) return [];
  return view.documents
    .map((document) => ({ document, posting: readPosting(findPosting(document.text, id)) }))
    .filter(({ posting }) => posting.count > 0)
    .map(({ document, posting }) => ({
      document,
      weight: (posting.isDefinition ? 10 : 0) + weights.class[document.class] + Math.min(posting.count, 20) / 100,
    }))
    .sort((left, right) => right.weight - left.weight || (left.document.path < right.document.path ? -1 : 1))
    .slice(0, indexLimits.maxSymbolCandidates)
    .map(({ document }) => document);
}

/** 0 = no match; higher is better. `Parent.name` asks for the parent too. */
function matchQuality(symbol: FileSymbol, name: string): number {
  const parts = name.split(/[.#]|::/u).filter((part) => part !== "");
  const wanted = parts.at(-1) ?? name;
  const parent = parts.at(-2);
  if (parent !== undefined && symbol.parent?.toLowerCase() !== parent.toLowerCase()) return 0;
  if (symbol.name === wanted) return 3;
  const flat = (text: string) => text.toLowerCase().replaceAll(/[_$]/gu, "");
  return flat(symbol.name) === flat(wanted) ? 2 : 0;
}

/** Symbol of the contract. */
export function toIndexedSymbol({ name, kind, line, signature }: FileSymbol, path: string): IndexedSymbol {
  return { name, kind, path, line, signature };
}

/** Exact spelling first, then the same words in another case or with underscores. */
export async function findSymbols({
  root,
  view,
  name,
  limit,
  readSymbols,
}: FindSymbolsInput): Promise<IndexedSymbol[]> {
  const documents = candidatesOf(view, name.slice(0, 400));
  const texts = new Map<string, string>();
  const blobs = [...new Set(documents.map(({ blob }) => blob))];
  await readBlobs(root, blobs, (blob, data) => texts.set(blob, data.toString("utf8")));
  const found = await Promise.all(
    documents.map(async (document, order) => {
      const symbols = await readSymbols(document, texts.get(document.blob) ?? "");
      return symbols.map((symbol) => ({ symbol, document, order, quality: matchQuality(symbol, name) }));
    }),
  );
  return found
    .flat()
    .filter(({ quality }) => quality > 0)
    .sort(
      (left, right) => right.quality - left.quality || left.order - right.order || left.symbol.line - right.symbol.line,
    )
    .slice(0, limit)
    .map(({ symbol, document }) => toIndexedSymbol(symbol, document.path));
}
