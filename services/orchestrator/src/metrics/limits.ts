// Bounds of what a scrape may cost.
export const metricsLimits = {
  /** Time for which a reading is good, ms: however many scrape, database and broker are asked once. */
  cacheMs: 5_000,
  /** Time a scrape waits for a reading, ms: well inside the 10 s after which Prometheus gives up. */
  waitMs: 2_000,
  /** Rows of one kind that are counted; more count as so many, because counting all of a backlog is slow. */
  maxCounted: 10_000,
} as const;
