export const gatewayLimits = {
  /** Requests of one minute: far above any person's client, far below a loop gone wild. */
  requestsPerMinute: 3_000,
  /** Characters of a request id taken over from a caller. */
  maxRequestIdChars: 64,
  /** Bytes of one request body that is forwarded; the orchestrator takes as much. */
  maxBodyBytes: 1024 * 1024,
  /** Milliseconds a replica may take to say whether it is ready. */
  readyMs: 2_000,
} as const;
