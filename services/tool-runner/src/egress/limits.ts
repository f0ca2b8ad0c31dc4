// Named limits of a box's way out.
const mebibyte = 1024 * 1024;

export const egressLimits = {
  /** Bytes all calls of a step may send: room for a request body, not for a repository. */
  maxStepUpBytes: 32 * mebibyte,
  /** Bytes all calls of a step may receive: the packages of a large project fit. */
  maxStepDownBytes: 2048 * mebibyte,
  /** Requests and tunnels of one call; an install of a thousand packages fits several times. */
  maxRequests: 20_000,
  /** Connections of one call that are open at once. */
  maxConnections: 128,
  /** Bytes of one message's header, in both directions. */
  maxHeaderBytes: 32 * 1024,
  /** Milliseconds a box may take to send a whole header. */
  headerTimeoutMs: 10_000,
  /** Milliseconds a name may take to resolve and a host to answer the connection. */
  connectTimeoutMs: 10_000,
  /** Milliseconds without a byte in either direction; servers that compute for longer are rare. */
  idleTimeoutMs: 60_000,
  /** Records kept of one call; what else looked different is counted together. */
  maxRecords: 200,
  /** Characters of a path or a strange host in a record. */
  maxShownChars: 200,
  /** Steps whose bytes are remembered. */
  maxSteps: 1_000,
} as const;

export type EgressLimits = { readonly [K in keyof typeof egressLimits]: number };
