// Named limits of archives of plans, each with its unit and reason.
export const archiveLimits = {
  /** Bytes of an archive: the largest bundle of git objects, and room for everything else. */
  maxArchiveBytes: 2 * 1024 * 1024 * 1024,
  /** Entries of one archive. */
  maxEntries: 50_000,
  /** Bytes of the manifest: room for every entry's name and hash. */
  maxManifestBytes: 16 * 1024 * 1024,
  /** Bytes of the rows, and of the events: they are read whole, and the longest runs take some megabytes. */
  maxRowsBytes: 128 * 1024 * 1024,
  /** Bytes of one artifact, which is read whole. */
  maxArtifactBytes: 64 * 1024 * 1024,
  /** Bytes of one output of a command; the runner keeps at most half of it. */
  maxLogBytes: 64 * 1024 * 1024,
  /** Bytes of the git objects; the runner writes no more. */
  maxObjectsBytes: 1024 * 1024 * 1024,
  /** Bytes handed to the runner at a time. */
  pieceBytes: 256 * 1024,
  /** Rows written by one statement: a statement has at most 32,766 values. */
  rowsPerInsert: 200,
} as const;
