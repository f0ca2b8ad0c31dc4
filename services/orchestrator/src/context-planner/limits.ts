// Limits of the deterministic planner and of the context that planners are given.

export const plannerLimits = {
  /** Parts of a goal that become steps of their own. */
  maxClauses: 4,
  /** Writing steps of one draft. */
  maxSteps: 8,
  /** Places one search returns. */
  hits: 24,
  /** Names of a goal that are looked up, and definitions taken for each. */
  maxNames: 6,
  maxDefinitions: 8,
  /** Files one step is built on. */
  maxFilesPerStep: 4,
  /** Files whose text is checked for a name that changes. */
  maxReferenceFiles: 60,
  /** Files one rename step may touch. */
  maxRenameFiles: 40,
  /** Paths read to know what exists. */
  maxPaths: 200_000,
  /** Share of the best file's score a further file needs to be part of the work. */
  strong: 0.62,
  /** Characters of the context given to a model, and of its parts. */
  maxContextChars: 24_000,
  maxGuidanceChars: 4_000,
  maxOutlineSymbols: 40,
  outlinedFiles: 4,
  /** Bytes of one file read to check what it holds. */
  maxReadBytes: 512 * 1024,
} as const;
