// The sandbox port: run one argv over one working tree, with nothing else of the machine.
// An adapter never inherits the runner's environment and never builds a shell string.

import type { Server } from "node:net";

import type { ReadOnlyBind, SymbolicLink } from "./toolchains.ts";

/** Bounds of one run. */
export type SandboxLimits = {
  memoryBytes: number;
  /** Processes and threads. */
  processes: number;
  /** Largest file the run may write. */
  fileBytes: number;
  openFiles: number;
  /** Bytes of output after which the run is ended. */
  outputBytes: number;
  wallMs: number;
  /** Size of the private /tmp and of the private home folder, each. */
  tmpBytes: number;
  /** What the working tree and its build cache may take on the disk; held by the tools, not by a driver. */
  treeBytes: number;
  /** Files, folders and links in them; as above. */
  treeEntries: number;
};

export type OutputChannel = "stdout" | "stderr";

/** More of the machine that one run may read and never change. */
export type RunMounts = {
  binds: readonly ReadOnlyBind[];
  links: readonly SymbolicLink[];
  /** Files below a bind that appear empty. */
  hidden: readonly string[];
  /** Folders in front of the PATH. */
  path: readonly string[];
  env: Readonly<Record<string, string>>;
  /**
   * Top level of the user's checkout. The workspace goes by that name, too, where nothing is in the
   * way: installers write absolute paths into what they install.
   */
  checkout: string;
};

/** Where a gate gets its connections: a listening socket that was made elsewhere, or a unix socket it makes. */
export type GateListener = Server | { path: string };

/** The one way out of a box that has one: a port of the box's own loopback, which nothing else reaches. */
export type EgressGate = {
  port: number;
  /** Takes the connections that are made to the port; called once, settles when they are taken. */
  serve(listener: GateListener): Promise<void>;
  /** Files the box needs to trust what listens there. */
  binds: readonly ReadOnlyBind[];
};

export type SandboxRequest = {
  argv: readonly string[];
  /** Folder inside the workspace, relative. */
  cwd: string;
  /** Absolute path of the only folder that is writable. */
  workspaceDir: string;
  /** Added to the box's own small environment. */
  env: Readonly<Record<string, string>>;
  limits: SandboxLimits;
  mounts?: RunMounts;
  /** Left out = no network at all. */
  egress?: EgressGate;
  /** A folder of the host for caches of build tools, writable besides the workspace; shown at `cacheRoot`. */
  cacheDir?: string;
  /** A returned promise holds the process back until it settles. */
  onOutput: (channel: OutputChannel, data: Buffer) => void | Promise<void>;
  signal?: AbortSignal;
};

export type SandboxResult = {
  /** Null when a signal ended it. */
  exitCode: number | null;
  signal?: string;
  timedOut: boolean;
  cancelled: boolean;
  /** The limit that ended it or that it ran into. */
  limitHit?: "memory" | "processes" | "output" | "disk" | "files";
  /** Something the program left running held its output: what that printed later is missing. */
  outputCut?: true;
  seconds: number;
  unsandboxed: boolean;
};

export type SandboxDriver = "bubblewrap" | "container" | "none";

export type SandboxProbe = {
  usable: boolean;
  driver: SandboxDriver;
  /** What holds and what does not, for people. */
  detail: string;
  /** Command that mends an unusable sandbox. */
  fix?: string;
};

export type Sandbox = {
  readonly driver: SandboxDriver;
  /** Root of the working tree as the process sees it. */
  workspacePath(workspaceDir: string): string;
  /** Where a run sees folders of the user's checkout; undefined when the driver cannot show them read-only. */
  readonly dependencyRoot?: string;
  /**
   * What a request's gate does: `filtered`, it is the only way out; `uncontrolled`, the machine's
   * network is open and the gate is not used.
   */
  readonly egress: "filtered" | "uncontrolled";
  /** Where a run sees its folder for build caches; undefined when the driver shows none. */
  readonly cacheRoot?: string;
  /** Tries it for real: namespaces, filter and limits. */
  probe(): Promise<SandboxProbe>;
  /** @throws AgentError unavailable when the box cannot be made. */
  run(request: SandboxRequest): Promise<SandboxResult>;
};
