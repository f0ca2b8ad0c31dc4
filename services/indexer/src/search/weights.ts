// Weights of the ranking. Tuned on the change history of two repositories (see the README).

export const weights = {
  bm25: { k1: 1.2, b: 0.75 },
  /** Counts a match in the path, or in a definition's name, like so many in the text. */
  pathCount: 8,
  definitionCount: 3,
  chunkNameCount: 6,
  /** The same for a constant or variable: its name says less about behaviour. */
  valueNameCount: 1,
  chunkPathCount: 1,
  /** Shares of the signals, each scaled to its best file first. */
  file: 0.6,
  chunk: 1,
  symbol: 0.3,
  history: 0.4,
  mentionedPath: 2,
  churn: 0.15,
  /** Share of a file's second and third chunk. */
  secondChunk: 0.3,
  thirdChunk: 0.1,
  /** Factor by class of path, when the query is not about such files. */
  class: {
    source: 1,
    test: 0.45,
    docs: 0.4,
    example: 0.45,
    config: 0.6,
    generated: 0.15,
    vendored: 0.2,
    changelog: 0.1,
  },
  /** Votes of past commits: how many best ones count, and their age in days at a weight of 1/e. */
  historyVotes: 150,
  historyDays: 365,
} as const;
