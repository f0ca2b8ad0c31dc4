// What a tool is: a function over one working tree. It holds no secret and reads no environment.
import type { Denial, EgressRecord, EgressUse, Envelope, ToolInput, ToolName, ToolOutput } from "@ossaat/contracts";

import type { BuildCaches } from "../build-cache/build-caches.ts";
import type { Egress } from "../egress/open-egress.ts";
import type { WorkspaceFiles } from "../files/workspace-files.ts";
import type { Git } from "../git/git.ts";
import type { LogStore } from "../log/log-store.ts";
import type { Sandbox, SandboxLimits } from "../sandbox/sandbox.ts";
import type { TreeGuards } from "../workspace/tree-guard.ts";
import type { OpenWorkspace } from "../workspace/workspace-record.ts";

/** Sends live output to whoever watches; settles when more may follow. */
export type Emit = (channel: "stdout" | "stderr" | "progress", data: Buffer) => Promise<void>;

export type ToolContext = {
  workspace: OpenWorkspace;
  files: WorkspaceFiles;
  git: Git;
  sandbox: Sandbox;
  /** Bounds of a run; its wall time is the call's. */
  limits: SandboxLimits;
  logs: LogStore;
  caches: BuildCaches;
  trees: TreeGuards;
  emit: Emit;
  /** Notes what was refused to the call though it goes on. */
  deny: (denial: Denial) => void;
  /** Notes what was decided about the network, so that it is told however the call ends. */
  reach: (records: readonly EgressRecord[]) => void;
  envelope: Envelope;
  egress: Egress;
  /** The step the call belongs to, and the bytes its earlier calls moved. */
  step: { planId: string; stepId: string; used: EgressUse };
  /** A person allowed this very call although it is outside the envelope. */
  approvedOutside: boolean;
  /** Wall time of the call in seconds; 0 = the tool's default. */
  timeoutSeconds: number;
  signal: AbortSignal;
};

/** `summary` is one line for people; `output.text` is what the model reads. */
export type ToolResult = { summary: string; output: ToolOutput };

export type Tool<N extends ToolName> = (context: ToolContext, input: ToolInput<N>) => Promise<ToolResult>;

export type ToolRegistry = { readonly [N in ToolName]: Tool<N> };
