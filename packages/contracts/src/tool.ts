// Tools: what the tool runner executes. Inputs are checked against these schemas before
// anything runs. Wire rules: exactly one terminal event, as the last one; a stream that ends
// without one is `tool_failed`.
import { z } from "zod";

import type { AgentCapability } from "./capability.ts";
import type { Denial } from "./denial.ts";
import type { EffectClass } from "./envelope.ts";
import type { EgressRecord } from "./egress.ts";
import { EgressEntry } from "./egress-entry.ts";
import type { Envelope } from "./envelope.ts";
import type { ErrorCode } from "./agent-error.ts";
import type { Sha256, Timestamp, WorkspaceId } from "./ids.ts";

const RelativePath = z.string().min(1).max(4_096).describe("Path relative to the repository root, with /");
const line = (text: string) => z.int().min(1).optional().describe(text);

export const toolLimits = {
  /** Bytes of file content one call may return; larger files are read by ranges. */
  maxReadBytes: 64 * 1024,
  /** Bytes of command output kept as text in a result (head and tail). */
  maxOutputBytes: 16 * 1024,
  /** Bytes of one write. */
  maxWriteBytes: 1024 * 1024,
  /** Matches one search returns. */
  maxMatches: 200,
  /** Entries one listing returns. */
  maxEntries: 1_000,
  /** Default and largest wall time of one command, seconds. */
  defaultTimeoutSeconds: 120,
  maxTimeoutSeconds: 3_600,
} as const;

/** Input schemas of the built-in tools, by tool name. */
export const toolInputs = {
  list_files: z.strictObject({
    path: RelativePath.default("."),
    glob: z.string().max(512).optional().describe("Only entries that match, for example src/**/*.ts"),
  }),
  read_file: z.strictObject({
    path: RelativePath,
    startLine: line("First line, 1-based"),
    endLine: line("Last line, inclusive"),
  }),
  search_text: z.strictObject({
    pattern: z.string().min(1).max(512).describe("Text to find; a regular expression when regex is true"),
    regex: z.boolean().default(false),
    glob: z.string().max(512).optional(),
    caseSensitive: z.boolean().default(true),
  }),
  edit_file: z.strictObject({
    path: RelativePath,
    oldText: z.string().min(1).max(262_144).describe("The exact text to replace; it must occur once"),
    newText: z.string().max(262_144),
    replaceAll: z.boolean().default(false),
  }),
  write_file: z.strictObject({
    path: RelativePath,
    content: z.string().max(toolLimits.maxWriteBytes),
    overwrite: z.boolean().default(false).describe("Must be true to replace an existing file"),
  }),
  apply_patch: z.strictObject({
    patch: z
      .string()
      .min(1)
      .max(toolLimits.maxWriteBytes)
      .describe("A unified diff with a/ and b/ paths, or *** Begin Patch with *** Update File: sections"),
  }),
  run_command: z.strictObject({
    argv: z.array(z.string().max(32_768)).min(1).max(256).describe("Program and arguments; no shell is involved"),
    cwd: RelativePath.default("."),
    timeoutSeconds: z.int().min(1).max(toolLimits.maxTimeoutSeconds).optional(),
    hosts: z
      .array(EgressEntry)
      .max(16)
      .optional()
      .describe("Hosts it must reach beyond those of the step, as `GET https://host/path/*`; a person is asked"),
  }),
  run_tests: z.strictObject({
    filter: z.string().max(512).optional().describe("Passed to the project's test runner as its name filter"),
    timeoutSeconds: z.int().min(1).max(toolLimits.maxTimeoutSeconds).optional(),
  }),
  git_status: z.strictObject({}),
  git_diff: z.strictObject({ path: RelativePath.optional() }),
  git_log: z.strictObject({ path: RelativePath.optional(), count: z.int().min(1).max(100).default(20) }),
} as const;

export type ToolName = keyof typeof toolInputs;
export type ToolInput<N extends ToolName> = z.output<(typeof toolInputs)[N]>;

export type ToolSpec = {
  description: string;
  capability: AgentCapability;
  /** `pure` tools change nothing; others end with a snapshot of the workspace. */
  effect: EffectClass;
};

/** The registry of built-in tools, as a model and a policy see them. */
export const toolSpecs: Readonly<Record<ToolName, ToolSpec>> = {
  list_files: {
    description: "List files below a folder, ignored files left out.",
    capability: "repo.read",
    effect: "pure",
  },
  read_file: {
    description: "Read a text file, whole or a range of lines. Lines come numbered.",
    capability: "repo.read",
    effect: "pure",
  },
  search_text: {
    description: "Search file contents; returns path, line number and line of each match.",
    capability: "repo.read",
    effect: "pure",
  },
  edit_file: {
    description:
      "Replace a piece of text that occurs exactly once in a file (or every occurrence with replaceAll). Read the file first and copy the text exactly.",
    capability: "repo.write",
    effect: "idempotent",
  },
  write_file: {
    description: "Create a file, or replace a whole file when overwrite is true.",
    capability: "repo.write",
    effect: "idempotent",
  },
  apply_patch: {
    description: "Apply a unified diff to one or more files; all hunks apply or nothing changes.",
    capability: "repo.write",
    effect: "idempotent",
  },
  run_command: {
    description:
      "Run a program in the sandbox (no shell, no network beyond the hosts of the step) and return its exit code and output.",
    capability: "test.run",
    effect: "idempotent",
  },
  run_tests: {
    description: "Detect the project's test runner, run it in the sandbox and return the parsed result.",
    capability: "test.run",
    effect: "idempotent",
  },
  git_status: {
    description: "List files changed since the step's base commit.",
    capability: "repo.read",
    effect: "pure",
  },
  git_diff: {
    description: "Show the unified diff since the step's base commit.",
    capability: "repo.read",
    effect: "pure",
  },
  git_log: { description: "Show recent commits of the repository.", capability: "repo.read", effect: "pure" },
};

/** Parsed outcome of a project's tests. A missing count is unknown, not 0. */
export type TestReport = {
  runner: string;
  status: "passed" | "failed" | "crashed" | "timeout" | "no_tests";
  passed?: number;
  failed?: number;
  skipped?: number;
  /** Failed tests that had failed on the plan's base commit as well. */
  failedBefore?: string[];
  /** Failed tests with a short message, at most 50; `at` is `file:line` where the output says it. */
  failures: { name: string; message: string; at?: string }[];
};

/** One executed process, as evidence. `logRef` names the full output by SHA-256. */
export type CommandRecord = {
  argv: string[];
  cwd: string;
  exitCode: number | null;
  signal?: string;
  timedOut?: boolean;
  seconds: number;
  logRef: Sha256;
  logBytes: number;
};

export type DiffFile = {
  path: string;
  status: "added" | "modified" | "deleted" | "renamed";
  oldPath?: string;
  additions: number;
  deletions: number;
  binary: boolean;
  patch: string;
  truncated: boolean;
};

/** `output` of a terminal tool event. */
export type ToolOutput = {
  /** What the model reads as the call's result; bounded. */
  text: string;
  /** Tree hash of the workspace after the call; absent for pure tools. */
  snapshot?: string;
  /** Paths the call changed inside the envelope. */
  changedPaths?: string[];
  /** Changes outside the envelope that were undone after the call. */
  revertedPaths?: string[];
  commands?: CommandRecord[];
  tests?: TestReport;
  diff?: { files: DiffFile[] };
  /** Decisions about requests to the network; absent when nothing was asked for. */
  egress_requests?: EgressRecord[];
  /** What of the call was refused, as far as the runner saw it; absent = nothing. */
  denials?: Denial[];
  /** True when the call ran without isolation. */
  unsandboxed?: boolean;
};

/** One call of a tool, bound to the envelope it was approved for. */
export type ToolInvocation = {
  /** Unique per step attempt and call; repeating it re-attaches, never runs twice. */
  invocationId: string;
  planId: string;
  stepId: string;
  attempt: number;
  tool: string;
  capability: string;
  /** Arguments as JSON text; checked against the tool's schema. */
  inputJson: string;
  workspaceId: WorkspaceId;
  /** 0 means the tool's default. */
  timeoutSeconds: number;
  /** Envelope the runner checks again and compiles into the sandbox profile. */
  envelope: Envelope;
  /** A person allowed this very call although it is outside the envelope. */
  approvedOutside: boolean;
  policyHash: string;
  /** Time after which the grant covers nothing; left out = as long as the step. Part of the grant. */
  grantExpiresAt?: Timestamp;
  /** {@link hashGrant} of the fields above; the runner recomputes it and refuses a mismatch. */
  grant: Sha256;
  metadata: Record<string, string>;
  /**
   * Number of the caller's lease on the step, raised with every claim: the runner refuses one that
   * is lower than it has seen for the working tree. Absent = nothing is checked.
   */
  fence?: number | undefined;
  /** Events up to this number were received: a broken stream goes on after it. */
  afterSeq?: number;
};

export type ToolEvent =
  | {
      seq: number;
      state: "running";
      occurredAt: Timestamp;
      chunk?: { channel: "stdout" | "stderr" | "progress"; data: string };
    }
  | { seq: number; state: "completed"; occurredAt: Timestamp; summary: string; output: ToolOutput }
  | {
      seq: number;
      state: "failed" | "cancelled";
      occurredAt: Timestamp;
      summary: string;
      output?: ToolOutput;
      /** A refused call names its refusal as `details.denials`, in the shape of {@link Denial}. */
      error: { code: ErrorCode; message: string; details?: Record<string, unknown> };
    };

export type CallOptions = { signal?: AbortSignal; traceparent?: string };

/**
 * Executes tools. `completed` means the tool did its job (a command that ran and exited 1 is
 * completed, with its exit code); `failed` means it could not (bad input, stale edit, limit).
 */
export type ToolService = {
  /**
   * Ends with one terminal event, `cancelled` only when the caller asked for that, or lost the working tree to another.
   * @throws AgentError unavailable when the runner is out of reach, or stopped in the call: what it did is unknown
   */
  execute(invocation: ToolInvocation, options?: CallOptions): AsyncIterable<ToolEvent>;
  /** Ends the call's whole process tree. An id that has not come yet is answered `cancelled` when it does. */
  cancel(invocationId: string): Promise<void>;
  health(): Promise<ToolRunnerHealth>;
};

export type ToolRunnerHealth = {
  status: "serving" | "not_serving";
  /** `none` = started with --dangerously-no-sandbox. */
  sandbox: { driver: "bubblewrap" | "container" | "none" | "unavailable"; detail: string; fix?: string };
};
