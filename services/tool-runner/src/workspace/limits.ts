// Named limits of workspaces.

export const diffLimits = {
  /** Bytes of one file's patch; a reviewer reads no more, and the full text stays in git. */
  maxFileBytes: 256 * 1024,
  /** Bytes of all patches of one diff. */
  maxTotalBytes: 2 * 1024 * 1024,
} as const;

export const keptLimits = {
  /** Plans of one page: their ids are a small part of the largest message. */
  plansAPage: 1_000,
} as const;

export const recordLimits = {
  /** Bytes of one file of a plan's record: it travels as one message of at most 4 MiB. */
  maxFileBytes: 3 * 1024 * 1024,
} as const;

export const mergeLimits = {
  /** Heads one merge joins: the number of steps a plan may have. */
  maxHeads: 64,
  /** Commits one merge replays. */
  maxCommits: 2_000,
} as const;

export const walkLimits = {
  /** Entries of one working tree, ignored ones and caches too: several times the largest known repository. */
  maxEntries: 4_000_000,
  /** Bytes of a folder's absolute path. The system takes 4,096 with a name; no checkout can hold more. */
  maxPathBytes: 3_000,
  /** Bytes a path may grow by while a tree is removed, before its deeper part is moved up. */
  removedPathBytes: 512,
  /** Times a tree is opened and removed again, because others may still be removing it. */
  removals: 8,
  /** Folders read at a time: enough to keep the disk busy, few enough for the open file limit. */
  parallelFolders: 32,
} as const;

export const treeGuardLimits = {
  /** Milliseconds between two looks at the file system's counters; a fast disk takes half a gigabyte in them. */
  tickMs: 250,
  /** Milliseconds after which a running command's tree is counted whatever the counters say: others free space, too. */
  fullLookMs: 10_000,
  /** The same where the file system does not count its files: btrfs. */
  blindLookMs: 1_000,
  /** A count is followed by so many times its own duration of rest: at most a twentieth of a core. */
  lookShare: 20,
  /** Files and folders of a tree that is counted after every command, which takes some milliseconds. */
  smallEntries: 2_000,
  /** Trees whose last count is remembered: the ones of the plans that run. */
  maxKnown: 256,
} as const;

export const roomLimits = {
  /** Bytes and files that the platform itself needs to record how a command ended, and to go on. */
  lowBytes: 16 * 1024 * 1024,
  lowFiles: 500,
  /** A command that made less did not fill the disk. */
  minFillBytes: 16 * 1024 * 1024,
  minFillFiles: 1_000,
  /** Milliseconds by which a file system's time may lag behind the clock. */
  clockGrainMs: 100,
} as const;

export const refusalLimits = {
  /** Characters of the paths one refusal names: its message travels in a status line of 2,000. */
  maxNamedChars: 1_000,
} as const;

export const importLimits = {
  /** Repositories may borrow objects from others, and those again: as deep as git itself goes. */
  maxAlternateDepth: 5,
  /** Object folders one repository may need in all. */
  maxAlternates: 64,
  /** Bytes of one list of borrowed folders: several hundred long paths. */
  maxAlternatesBytes: 256 * 1024,
  /** Each round of taking packs but the first means that a gc ended during the one before. */
  maxPackRounds: 5,
} as const;
