// The index service itself: runs in the index thread, or wherever it is called.
import { isAbsolute } from "node:path";

import { AgentError } from "@ossaat/contracts";
import type { IndexService, RepositoryRef } from "@ossaat/contracts";

import { readBlobs } from "../git/read-blobs.ts";
import { readGit } from "../git/git.ts";
import type { TreeEntry } from "../git/list-tree.ts";
import { indexLimits } from "../limits.ts";
import { findSymbols, toIndexedSymbol } from "../search/find-symbols.ts";
import { Repository } from "../search/repository.ts";
import { search } from "../search/search.ts";
import { createParserPool } from "../symbols/parser-pool.ts";
import { createSymbolReader } from "../symbols/read-symbols.ts";
import type { SymbolReader } from "../symbols/read-symbols.ts";
import { openSymbolCache } from "../symbols/symbol-cache.ts";
import type { SymbolCache } from "../symbols/symbol-cache.ts";
import { languageOf } from "../tree/languages.ts";
import { skipByContent, skipByEntry } from "../tree/skip-text.ts";
import { readStatus } from "./index-status.ts";
import type { IndexStatus, StatusRequest } from "./index-status.ts";

/** The contract's service, and what a person wants to know about the index. */
export type Indexer = IndexService & {
  status(request: StatusRequest): Promise<IndexStatus>;
  close(): Promise<void>;
};

type Tenant = { cache: SymbolCache; readSymbols: SymbolReader };

function checkCount(name: string, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new AgentError("invalid_input", `${name} must be a whole number above 0.`);
  }
  return Math.min(value, most);
}

function fileAt(byPath: ReadonlyMap<string, TreeEntry>, path: string): TreeEntry {
  const entry = byPath.get(path);
  if (entry?.kind === "file") return entry;
  const why = entry === undefined ? "does not exist" : `is a ${entry.kind}, not a file,`;
  throw new AgentError(
    "not_found",
    `${JSON.stringify(path)} ${why} at this commit: list the paths to find the right one.`,
  );
}

class Memory {
  readonly #repositories = new Map<string, Repository>();
  readonly #tenants = new Map<string, Tenant>();
  readonly #parser = createParserPool();
  readonly #cacheDir: string;

  constructor(cacheDir: string) {
    this.#cacheDir = cacheDir;
  }

  repository({ tenantId, root }: RepositoryRef): Repository {
    if (!isAbsolute(root)) throw new AgentError("invalid_input", "The repository's root must be an absolute path.");
    const key = JSON.stringify([tenantId, root]);
    const repository = this.#repositories.get(key) ?? new Repository(root);
    this.#repositories.delete(key);
    this.#repositories.set(key, repository);
    const oldest = this.#repositories.keys().next().value;
    if (this.#repositories.size > indexLimits.maxRepositories && oldest !== undefined)
      this.#repositories.delete(oldest);
    return repository;
  }

  readSymbols({ tenantId }: RepositoryRef): SymbolReader {
    const known = this.#tenants.get(tenantId);
    if (known !== undefined) return known.readSymbols;
    const cache = openSymbolCache(this.#cacheDir, tenantId);
    const readSymbols = createSymbolReader(this.#parser, cache);
    this.#tenants.set(tenantId, { cache, readSymbols });
    return readSymbols;
  }

  async close(): Promise<void> {
    await this.#parser.close();
    for (const { cache } of this.#tenants.values()) cache.close();
    this.#tenants.clear();
    this.#repositories.clear();
  }
}

async function readText(
  root: string,
  entry: TreeEntry,
  maxBytes: number,
): Promise<{ text: string; truncated: boolean }> {
  const data = await readGit(root, ["cat-file", "blob", entry.blob], { maxBytes });
  const truncated = entry.bytes > maxBytes;
  // A character cut in half at the end is left out.
  return { text: new TextDecoder().decode(data, { stream: truncated }), truncated };
}

function readingMethods(memory: Memory): Pick<Indexer, "profile" | "listPaths" | "readFile" | "outline"> {
  return {
    async profile(request) {
      return memory.repository(request).profile(request.commit);
    },
    async listPaths(request) {
      const limit = checkCount("limit", request.limit, indexLimits.maxFiles);
      const { byPath } = await memory.repository(request).tree(request.commit);
      const paths = [...byPath.values()].filter(({ kind }) => kind === "file").map(({ path }) => path);
      const found = paths.filter((path) => path.startsWith(request.pathPrefix));
      return found.sort((left, right) => (left < right ? -1 : 1)).slice(0, limit);
    },
    async readFile(request) {
      const maxBytes = checkCount("maxBytes", request.maxBytes, indexLimits.maxReadBytes);
      const { byPath } = await memory.repository(request).tree(request.commit);
      return readText(request.root, fileAt(byPath, request.path), maxBytes);
    },
    async outline(request) {
      const { byPath } = await memory.repository(request).tree(request.commit);
      const entry = fileAt(byPath, request.path);
      const language = languageOf(entry.path);
      if (skipByEntry(entry) !== undefined) return [];
      let data: Buffer = Buffer.alloc(0);
      await readBlobs(request.root, [entry.blob], (_blob, bytes) => {
        data = bytes;
      });
      if (skipByContent(data, language?.isCode === false) !== undefined) return [];
      const symbols = await memory.readSymbols(request)({ blob: entry.blob, language }, data.toString("utf8"));
      return symbols.map((symbol) => toIndexedSymbol(symbol, entry.path));
    },
  };
}

/** Makes the handlers. `cacheDir` is created when it does not exist. */
export function createIndexHandlers({ cacheDir }: { cacheDir: string }): Indexer {
  const memory = new Memory(cacheDir);
  return {
    ...readingMethods(memory),
    async search(request) {
      const topK = checkCount("topK", request.topK, indexLimits.maxTopK);
      const view = await memory.repository(request).view(request.commit);
      const { root, query, pathPrefix = "" } = request;
      return search({ root, view, query, topK, pathPrefix, readSymbols: memory.readSymbols(request) });
    },
    async findSymbols(request) {
      const limit = checkCount("limit", request.limit, indexLimits.maxTopK);
      const view = await memory.repository(request).view(request.commit);
      const { root, name } = request;
      return findSymbols({ root, view, name, limit, readSymbols: memory.readSymbols(request) });
    },
    async status(request) {
      return readStatus(
        await memory.repository(request).view(request.commit),
        checkCount("limit", request.limit, 100_000),
      );
    },
    close: () => memory.close(),
  };
}
