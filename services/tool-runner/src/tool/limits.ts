// Named limits of the tools, beyond those every caller sees in the contract.

export const editLimits = {
  /** Bytes of a file that is edited as a whole in memory. */
  maxFileBytes: 8 * 1024 * 1024,
} as const;

export const searchLimits = {
  /** Bytes of one file that are searched; larger ones are generated or data. */
  maxFileBytes: 1024 * 1024,
  /** Characters of one shown line. */
  maxLineChars: 300,
  /** Wall time of one search; a pattern that backtracks for ever is ended. */
  timeoutMs: 10_000,
} as const;

export const eventLimits = {
  /** Bytes of one output chunk on the stream. */
  maxChunkBytes: 64 * 1024,
  /** Bytes a reader may lag behind before the producer waits. */
  maxLagBytes: 256 * 1024,
  /** Bytes of chunks kept for readers that attach late. */
  maxKeptBytes: 1024 * 1024,
  /** Bytes of a result as JSON: it travels as one message of at most 4 MiB. */
  maxResultBytes: 3 * 1024 * 1024,
  /** Finished calls kept in memory; older ones are read from disk. */
  maxFinishedCalls: 256,
} as const;

export const stopLimits = {
  /** Milliseconds that running calls have to end by themselves when the runner stops: enough to read or write a file. */
  graceMs: 500,
} as const;

export const reportLimits = {
  maxFailures: 50,
  maxMessageChars: 500,
  /** Bytes of a runner's output that are parsed. */
  maxParsedBytes: 16 * 1024 * 1024,
  /** JUnit reports of one run: one a test class. */
  maxReports: 10_000,
  /** Bytes of them in all. */
  maxReportBytes: 64 * 1024 * 1024,
} as const;
