// indexer.v1.IndexerService over an IndexService.
import type { IndexService } from "@ossaat/contracts";
import type { IndexerServiceImplementation } from "@ossaat/contracts/proto/indexer";

import { indexGrpcLimits } from "./limits.ts";
import { fromWireRef, toWireHit } from "./wire-index.ts";

/** Parts of a text; never cuts a character that is two UTF-16 units in half. */
function* textParts(text: string): Generator<string> {
  let from = 0;
  do {
    let to = Math.min(text.length, from + indexGrpcLimits.textChars);
    if (to < text.length && /[\uD800-\uDBFF]/u.test(text.charAt(to - 1))) to -= 1;
    yield text.slice(from, to);
    from = to;
  } while (from < text.length);
}

export function createIndexerHandlers(index: IndexService): IndexerServiceImplementation {
  return {
    async profile({ repository }, { signal }) {
      return index.profile(fromWireRef(repository), { signal });
    },
    async *search({ repository, query, topK, pathPrefix }, { signal }) {
      const prefix = pathPrefix === undefined ? {} : { pathPrefix };
      const hits = await index.search({ ...fromWireRef(repository), query, topK, ...prefix }, { signal });
      for (const hit of hits) yield toWireHit(hit);
    },
    async findSymbols({ repository, name, limit }, { signal }) {
      return { symbols: await index.findSymbols({ ...fromWireRef(repository), name, limit }, { signal }) };
    },
    async getOutline({ repository, path }, { signal }) {
      return { symbols: await index.outline({ ...fromWireRef(repository), path }, { signal }) };
    },
    async *listPaths({ repository, pathPrefix, limit }, { signal }) {
      const paths = await index.listPaths({ ...fromWireRef(repository), pathPrefix, limit }, { signal });
      for (let from = 0; from < paths.length; from += indexGrpcLimits.pathsPerMessage) {
        yield { paths: paths.slice(from, from + indexGrpcLimits.pathsPerMessage) };
      }
    },
    async *readFile({ repository, path, maxBytes }, { signal }) {
      const { text, truncated } = await index.readFile({ ...fromWireRef(repository), path, maxBytes }, { signal });
      for (const part of textParts(text)) yield { text: part, truncated };
    },
  };
}
