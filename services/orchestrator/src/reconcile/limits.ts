// Named limits of reconciliation, each with its unit and reason.
export const reconcileLimits = {
  /** Differences of one kind that are looked for: what a person reads, and what one request may mend. */
  perKind: 200,
} as const;
