// Workspaces: working trees owned by the tool runner, whose git dir no agent can write.
// Host-side git uses only that git dir and configuration; the user's checkout and branches
// are never touched.
import type { CallOptions, DiffFile } from "./tool.ts";
import type { Envelope } from "./envelope.ts";
import type { WorkspaceId } from "./ids.ts";

export type RepositoryInfo = {
  /** Absolute path of the repository's top level. */
  root: string;
  /** Branch checked out; absent for a detached head. */
  branch?: string;
  headCommit: string;
  /** Commit that `baseRef` names. */
  baseCommit: string;
  /** Tracked files with uncommitted changes plus untracked files: not part of the plan's base. */
  dirtyPaths: number;
};

export type CommitInfo = { commit: string; tree: string; files: DiffFile[] };

export type MergeResult =
  | { status: "merged"; head: string; tree: string }
  /** The workspace holds conflict markers in `files`; resolve them, then call `continueMerge`. */
  | { status: "conflict"; files: string[]; applying: string; details: string };

/** A piece of what a runner keeps of a plan; pieces of one name follow each other, each of at most 1 MiB. */
export type KeptPiece = {
  /** `objects.bundle`, a git bundle, or `logs/` and a `logRef`. */
  name: string;
  data: Uint8Array;
};

/** Names what a runner keeps of a plan. */
export type KeptRequest = {
  planId: string;
  /** Absent = outputs of commands only. */
  repositoryPath?: string | undefined;
  /** Commits and trees. */
  objects: readonly string[];
};

/** A working tree, and the lease by which the caller has it. */
export type HeldWorkspace = {
  workspaceId: WorkspaceId;
  /** As of an invocation: the newest holder's calls are taken, a former one's are `conflict`. */
  fence?: number | undefined;
};

export type WorkspaceService = {
  /**
   * Looks at a user's repository without changing it.
   * @throws AgentError invalid_input: not a git repository, bare, no commits, unknown ref.
   */
  inspect(request: { path: string; baseRef?: string }, options?: CallOptions): Promise<RepositoryInfo>;

  /**
   * Makes (or re-attaches to) the working tree `workspaceId` of a plan at `commit`.
   * Repeating it with the same id keeps the tree and its changes.
   */
  open(
    request: HeldWorkspace & {
      planId: string;
      repositoryPath: string;
      commit: string;
      /** Commit that `git_diff` and `git_status` compare with; absent = `commit`. A reviewer looks from the plan's base. */
      diffBase?: string | undefined;
    },
    options?: CallOptions,
  ): Promise<{ tree: string }>;

  /** Current tree hash with all changes, ignored files left out. */
  snapshot(request: HeldWorkspace, options?: CallOptions): Promise<{ tree: string }>;

  /** Makes the working tree equal to a tree hash taken by `snapshot`; ignored files stay. */
  restore(request: HeldWorkspace & { tree: string }, options?: CallOptions): Promise<void>;

  /** Diff of the working tree against the workspace's base commit. */
  diff(request: HeldWorkspace, options?: CallOptions): Promise<{ files: DiffFile[] }>;

  /** Diff between two commits known to the plan's repository. */
  diffCommits(
    request: { planId: string; repositoryPath: string; from: string; to: string },
    options?: CallOptions,
  ): Promise<{ files: DiffFile[] }>;

  /**
   * Commits the working tree on top of the workspace's base. Committing the same tree, message
   * and time again gives the same commit id.
   *
   * With `allowedPaths` (globs of an envelope, and single paths a person approved) every path the
   * commit changes must be covered; a protected path only counts when it is listed itself.
   * @throws AgentError policy_denied: names the paths that are not, and commits nothing.
   */
  commit(
    request: HeldWorkspace & {
      message: string;
      authoredAt: string;
      trailers: Record<string, string>;
      allowedPaths?: string[];
    },
    options?: CallOptions,
  ): Promise<CommitInfo>;

  /**
   * Replays the commits `base..head` of each of `heads`, in order, on top of the workspace's
   * base, so that each writing step stays one commit. Commits already present are passed over.
   * Repeating it while a conflict waits puts the files into the state of that conflict again.
   */
  merge(
    request: HeldWorkspace & { heads: { stepId: string; head: string }[]; authoredAt: string },
    options?: CallOptions,
  ): Promise<MergeResult>;

  /** Commits the resolved files of a conflict and goes on with the remaining heads. */
  continueMerge(request: HeldWorkspace & { authoredAt: string }, options?: CallOptions): Promise<MergeResult>;

  /**
   * Creates the branch in the user's repository (objects and one new ref, nothing else).
   * @throws AgentError conflict when the branch exists at another commit.
   */
  publish(
    request: { planId: string; repositoryPath: string; branch: string; commit: string },
    options?: CallOptions,
  ): Promise<{ branch: string; commit: string }>;

  /**
   * Writes files below `.plans/<planId>/` of the user's repository: owner-only, to a temporary
   * name and renamed. `.plans` carries a `.gitignore` of `*`, so the checkout stays clean.
   */
  writeRecord(
    request: { planId: string; repositoryPath: string; files: { name: string; content: string }[] },
    options?: CallOptions,
  ): Promise<void>;

  /** Removes the plan's working trees; the published branch stays. */
  remove(request: { planId: string }, options?: CallOptions): Promise<void>;

  /**
   * Plans that have working trees or build caches, in the order of their ids: a page of those behind
   * `after`; empty = there are no more.
   */
  listKept(request: { after?: string | undefined }, options?: CallOptions): Promise<{ planIds: string[] }>;

  /** What of a plan is here no longer, or never was. */
  findLacking(
    request: KeptRequest & { logRefs: readonly string[] },
    options?: CallOptions,
  ): Promise<{ objects: string[]; logRefs: string[] }>;

  /**
   * Everything another runner needs to go on with a plan: the outputs, then the objects as one git
   * bundle that builds on what the repository's remotes have. Nothing may be lacking.
   * @throws AgentError not_found, limit_exceeded (bundle too large)
   */
  exportKept(request: KeptRequest & { logRefs: readonly string[] }, options?: CallOptions): AsyncIterable<KeptPiece>;

  /**
   * Takes in what another runner gave. Repeating it changes nothing.
   * @throws AgentError conflict: the repository lacks what the objects build on; invalid_input: a
   * piece is not what its name says, or `objects` are not all there afterwards.
   */
  importKept(request: KeptRequest, pieces: AsyncIterable<KeptPiece>, options?: CallOptions): Promise<void>;

  /** Text of an output by its `logRef`, from a byte; `nextByte` begins the next part. @throws AgentError not_found */
  readLog(
    request: { logRef: string; fromByte?: number; maxBytes?: number },
    options?: CallOptions,
  ): Promise<{ data: string; totalBytes: number; nextByte: number }>;
};

/** Fields of an invocation that the grant binds. */
export type GrantInput = {
  tool: string;
  inputJson: string;
  workspaceId: string;
  envelope: Envelope;
  approvedOutside: boolean;
  policyHash: string;
  grantExpiresAt?: string;
};
