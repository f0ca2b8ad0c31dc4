// Limits of the indexer, each with its unit and reason.

export const indexLimits = {
  /** Bytes of one file that is read for its text; beyond this it is data, not source. */
  maxFileBytes: 1024 * 1024,
  /** Bytes of text indexed for one commit; later files are found by their path only. */
  maxCommitBytes: 768 * 1024 * 1024,
  /** Files of one commit; a larger tree is refused by name rather than half read. */
  maxFiles: 400_000,
  /** Mean line length, characters, above which a file counts as minified. */
  maxMeanLine: 300,
  /** Longest line, characters, a source file may hold; checked on files above 2 KiB. */
  maxLine: 20_000,
  /** Repositories whose index stays in memory. */
  maxRepositories: 4,
  /** Commits of one repository whose view stays in memory. */
  maxCommits: 4,
  /** First-parent commits whose subjects vote for files. */
  maxHistoryCommits: 6_000,
  /** A commit that changes more files says little about any of them. */
  maxFilesPerCommit: 20,
  /** Bytes of history read; a wide history is cut off at its old end. */
  maxHistoryBytes: 32 * 1024 * 1024,
  /** Files whose definitions are parsed for one query. */
  maxCandidates: 32,
  /** Files parsed to find one symbol by name. */
  maxSymbolCandidates: 160,
  /** Milliseconds one file may take to parse before the plain-text reading is used. */
  maxParseMs: 2_000,
  /** Parsed bytes after which a parser thread is replaced: a WASM heap never shrinks. */
  maxParsedBytesPerThread: 48 * 1024 * 1024,
  /** Parser threads. */
  parserThreads: 2,
  /** Rows of the symbol cache of one tenant; the oldest tenth goes when it is full. */
  maxCacheRows: 200_000,
  /** Symbols kept of one file. */
  maxSymbolsPerFile: 4_000,
  /** Lines and characters of one snippet. */
  maxSnippetLines: 40,
  maxSnippetChars: 2_400,
  /** Hits of one search, and hits that may come from one file. */
  maxTopK: 200,
  maxHitsPerFile: 3,
  /** Characters of a query that are read. */
  maxQueryChars: 8_192,
  /** Bytes `readFile` returns at most. */
  maxReadBytes: 4 * 1024 * 1024,
} as const;
