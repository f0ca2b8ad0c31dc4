// Bounds of what telemetry may take in memory, time and disk.

export const telemetryLimits = {
  /** Characters of one string in a log line: a stack fits, a file's content does not. */
  maxTextChars: 8 * 1024,
  /** Characters of one string that are searched for secrets, so that a log call has a bounded cost. */
  maxScannedChars: 64 * 1024,
  /** Characters of one span attribute: names, hashes and stack frames fit. */
  maxAttributeChars: 1024,
  /** Nesting of a logged value; deeper parts are named, not written. */
  maxDepth: 8,
  /** Entries of one logged list or object. */
  maxEntries: 100,
  /** Shorter known secrets are not searched for: they would eat ordinary words. */
  minSecretChars: 8,
  /** Stack frames kept with an exception. */
  maxFrames: 10,
  /** Bytes of a trace file; a run writes a few hundred bytes a tool call. */
  maxTraceFileBytes: 256 * 1024 * 1024,
  /** Values of one label of a metric, such as names of models: each is a dozen series and more. */
  maxLabelValues: 50,
  /** One export to a collector, ms. */
  exportTimeoutMs: 10_000,
  /** Flushing at the end, ms: a collector that is away must not hold up a shutdown. */
  shutdownMs: 3_000,
} as const;
