export const gatewayLimits = {
  /** Requests of one minute: far above any person's client, far below a loop gone wild. */
  requestsPerMinute: 3_000,
  /** Characters of a request id taken over from a caller. */
  maxRequestIdChars: 64,
} as const;
