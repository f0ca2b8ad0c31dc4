/** Bounds of what is asked of policy over HTTP. */
export const policyRouteLimits = {
  /** Decisions one replay makes again: some 2 s of work. */
  maxDecisions: 20_000,
} as const;
