/** Bounds of the checks. */
export const doctorLimits = {
  /** A check that takes longer is given up, ms: a hanging file system or server must not hang the doctor. */
  checkMs: 20_000,
  /** Below this nothing can be stored safely, bytes. */
  failFreeBytes: 100 * 1024 * 1024,
  /** Below this a run with dependencies and logs may fill the disk, bytes. */
  warnFreeBytes: 1024 * 1024 * 1024,
  /** Difference of clocks that makes tokens, leases and logs doubtful, ms. */
  maxSkewMs: 60_000,
  /** Time a vendor has to answer with --online, ms. */
  onlineMs: 10_000,
  /** Milliseconds one program that is asked for its version may take. */
  programMs: 5_000,
} as const;

/** Oldest versions that have what is used. */
export const leastVersions = {
  /** Strips types and has `node:sqlite`. */
  node: "24.18",
  /** `merge-tree --write-tree`. */
  git: "2.38",
  /** Mount points below links stay inside the box (CVE-2026-87766). */
  bubblewrap: "0.12.0",
} as const;

/** No clock that is right shows an earlier time than this version was made, ISO date. */
export const builtAt = "2026-11-01T00:00:00Z";
