export const approvalLimits = {
  /** Time a person has to answer, ms; after it the answer is "denied". */
  expiresMs: 24 * 60 * 60 * 1000,
} as const;
