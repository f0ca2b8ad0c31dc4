// The index: where in a repository the text, files and symbols that matter are.
import type { CallOptions } from "./tool.ts";

export type SymbolKind = "function" | "class" | "method" | "type" | "constant" | "variable" | "module";

export type IndexedSymbol = {
  name: string;
  kind: SymbolKind;
  path: string;
  /** 1-based. */
  line: number;
  signature: string;
};

export type SearchHit = {
  path: string;
  /** 1-based, inclusive. */
  startLine: number;
  endLine: number;
  score: number;
  snippet: string;
  symbol?: string;
  /** Why it matched: the words found in path, symbol names and text. */
  signals: string[];
};

/** How a project is built and tested, read from its own files. */
export type ProjectProfile = {
  /** Language name and number of tracked files, most used first. */
  languages: { name: string; files: number }[];
  packageManagers: string[];
  /** Commands as argv, found in manifests, most specific first. */
  testCommands: { argv: string[]; source: string }[];
  buildCommands: { argv: string[]; source: string }[];
  /** Guidance files for agents, for example AGENTS.md. */
  guidanceFiles: string[];
  fileCount: number;
  topLevel: string[];
};

export type RepositoryRef = {
  tenantId: string;
  /** Absolute path of the repository's top level. */
  root: string;
  /** Commit whose tree is looked at; nothing uncommitted is read. */
  commit: string;
};

export type IndexService = {
  profile(request: RepositoryRef, options?: CallOptions): Promise<ProjectProfile>;
  /** Best places for a query in words, best first. */
  search(
    request: RepositoryRef & { query: string; topK: number; pathPrefix?: string },
    options?: CallOptions,
  ): Promise<SearchHit[]>;
  findSymbols(
    request: RepositoryRef & { name: string; limit: number },
    options?: CallOptions,
  ): Promise<IndexedSymbol[]>;
  /** Symbols of one file in order of appearance. */
  outline(request: RepositoryRef & { path: string }, options?: CallOptions): Promise<IndexedSymbol[]>;
  /** Paths of files at the commit that begin with `pathPrefix`, sorted, at most `limit`. */
  listPaths(request: RepositoryRef & { pathPrefix: string; limit: number }, options?: CallOptions): Promise<string[]>;
  /** Text of a file at the commit; `truncated` when over `maxBytes`. @throws AgentError not_found */
  readFile(
    request: RepositoryRef & { path: string; maxBytes: number },
    options?: CallOptions,
  ): Promise<{ text: string; truncated: boolean }>;
};
