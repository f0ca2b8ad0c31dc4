// Named limits of reconciliation, each with its unit and reason.
export const reconcileLimits = {
  /** Differences of one kind that are looked for: what a person reads, and what one request may mend. */
  perKind: 200,
  /** Longest time in which one request mends, ms: a gateway waits little longer for the answer. */
  mendMs: 15_000,
  /** What a plan left is a difference only when it ended so long ago, ms: clean-ups take it away by themselves. */
  leftoverGraceMs: 60_000,
} as const;
