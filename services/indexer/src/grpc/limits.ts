// Named limits of the index over gRPC.

export const indexGrpcLimits = {
  /** Paths of one message: far below 4 MiB even with the longest names. */
  pathsPerMessage: 500,
  /** Characters of a file's text in one message; each is at most three bytes there. */
  textChars: 512 * 1024,
  /** Milliseconds that calls may run on when the process is told to end: indexing a large commit takes longer, and is asked for again. */
  drainMs: 10_000,
} as const;
