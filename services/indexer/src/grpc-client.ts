// An index in another process, as the same service it is in this one.
import type { CallOptions, IndexService } from "@ossaat/contracts";
import { callMetadata, connectGrpc } from "@ossaat/contracts/grpc";
import type { ConnectOptions } from "@ossaat/contracts/grpc";
import { IndexerServiceDefinition } from "@ossaat/contracts/proto/indexer";

import { fromWireHit, fromWireProfile, fromWireSymbol, toWireRef } from "./grpc/wire-index.ts";

export type IndexerClient = { index: IndexService; close(): void };

function callOptions(options: CallOptions | undefined) {
  const { signal } = options ?? {};
  return { metadata: callMetadata(options), ...(signal === undefined ? {} : { signal }) };
}

/** Connects to an indexer; the first call opens the connection. An indexer on a port asks for its token, one with mutual TLS for a certificate. */
export function connectIndexer(address: string, options: ConnectOptions = {}): IndexerClient {
  const connection = connectGrpc(address, { service: "indexer", ...options });
  const client = connection.client(IndexerServiceDefinition);
  const index: IndexService = {
    profile: async (request, options) =>
      fromWireProfile(await client.profile({ repository: toWireRef(request) }, callOptions(options))),
    async search({ query, topK, pathPrefix, ...ref }, options) {
      const request = { repository: toWireRef(ref), query, topK, pathPrefix };
      const hits = [];
      for await (const hit of client.search(request, callOptions(options))) hits.push(fromWireHit(hit));
      return hits;
    },
    async findSymbols({ name, limit, ...ref }, options) {
      const { symbols } = await client.findSymbols({ repository: toWireRef(ref), name, limit }, callOptions(options));
      return symbols.map(fromWireSymbol);
    },
    async outline({ path, ...ref }, options) {
      const { symbols } = await client.getOutline({ repository: toWireRef(ref), path }, callOptions(options));
      return symbols.map(fromWireSymbol);
    },
    async listPaths({ pathPrefix, limit, ...ref }, options) {
      const request = { repository: toWireRef(ref), pathPrefix, limit };
      const all: string[] = [];
      for await (const { paths } of client.listPaths(request, callOptions(options))) all.push(...paths);
      return all;
    },
    async readFile({ path, maxBytes, ...ref }, options) {
      const request = { repository: toWireRef(ref), path, maxBytes };
      const parts: string[] = [];
      let isTruncated = false;
      for await (const { text, truncated } of client.readFile(request, callOptions(options))) {
        parts.push(text);
        isTruncated = truncated;
      }
      return { text: parts.join(""), truncated: isTruncated };
    },
  };
  return { index, close: () => connection.close() };
}
