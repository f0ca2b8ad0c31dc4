// Named limits of what moves with a plan from runner to runner, each with its unit and reason.
export const keptLimits = {
  /** Bytes of one piece: many fit into memory, few messages carry much. */
  pieceBytes: 256 * 1024,
  /** Bytes of one piece that is taken. */
  maxPieceBytes: 1024 * 1024,
  /** Bytes of the bundle of a plan: its own commits, and history that no remote has. */
  maxBundleBytes: 1024 * 1024 * 1024,
  /** Commits and trees that one plan names. */
  maxObjects: 20_000,
} as const;
