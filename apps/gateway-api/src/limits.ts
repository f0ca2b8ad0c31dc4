export const gatewayLimits = {
  /** Requests of one minute: far above any person's client, far below a loop gone wild. */
  requestsPerMinute: 3_000,
  /** Characters of a request id taken over from a caller. */
  maxRequestIdChars: 64,
  /** Bytes of one request body that is forwarded as a whole; the orchestrator takes as much. Archives stream. */
  maxBodyBytes: 1024 * 1024,
  /** Milliseconds a replica may take to say whether it is ready. */
  readyMs: 2_000,
  /** Milliseconds between two looks at a replica: a drain begins with as long a time of not being ready. */
  lookMs: 1_000,
  /** Milliseconds for a connection to a replica, which is near. */
  connectMs: 2_000,
  /** Milliseconds until an answer begins: the slowest one looks at a large repository first. */
  firstByteMs: 30_000,
  /** Milliseconds until the answer to an archive begins, or an archive: its commits are read first. */
  archiveMs: 600_000,
  /** Milliseconds without a byte until an answer is given up: streams say every 15 s that they live. */
  silentMs: 45_000,
} as const;
