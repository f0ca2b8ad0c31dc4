// One command in the sandbox, then the check of what it did: changes outside the envelope or in
// the protected class are undone by the host and reported. The sandbox cannot do this itself:
// read-only mounts below an agent-writable folder are not safe.
import { toolLimits } from "@ossaat/contracts";
import type { CommandRecord, ToolOutput } from "@ossaat/contracts";
import { checkWritePath } from "@ossaat/policy";

import { displayPath } from "../git/git.ts";
import { defaultSandboxLimits } from "../sandbox/limits.ts";
import type { SandboxResult } from "../sandbox/sandbox.ts";
import { changesBetween } from "../workspace/diff-trees.ts";
import type { TreeChange } from "../workspace/diff-trees.ts";
import { revertChanges, takeSnapshot } from "../workspace/working-tree.ts";
import { collectOutput } from "./output-collector.ts";
import type { ToolContext } from "./tool.ts";

export type SandboxedCommand = {
  argv: readonly string[];
  cwd: string;
  timeoutSeconds: number;
  env?: Record<string, string>;
};

export type CommandRun = {
  result: SandboxResult;
  record: CommandRecord;
  /** Head and tail of the output. */
  text: string;
  /** Output for a parser, bounded. */
  output: string;
};

/** Runs the command; its output is streamed, logged and bounded. */
export async function runInSandbox(
  context: ToolContext,
  command: SandboxedCommand,
  keepBytes: number,
): Promise<CommandRun> {
  const { sandbox, workspace, logs, signal } = context;
  const output = await collectOutput(logs, { textBytes: toolLimits.maxOutputBytes, keepBytes });
  try {
    const result = await sandbox.run({
      argv: command.argv,
      cwd: command.cwd,
      workspaceDir: workspace.dir,
      env: command.env ?? {},
      limits: { ...defaultSandboxLimits, wallMs: command.timeoutSeconds * 1000 },
      onOutput: async (channel, data) => {
        await output.take(data);
        await context.emit(channel, data);
      },
      signal,
    });
    const { logRef, logBytes } = await output.close();
    const record: CommandRecord = {
      argv: [...command.argv],
      cwd: command.cwd,
      exitCode: result.exitCode,
      ...(result.signal === undefined ? {} : { signal: result.signal }),
      ...(result.timedOut ? { timedOut: true } : {}),
      seconds: Math.round(result.seconds * 1000) / 1000,
      logRef,
      logBytes,
    };
    return { result, record, text: output.text(), output: output.all().toString("utf8") };
  } catch (error) {
    await output.discard();
    throw error;
  }
}

function isAllowed(context: ToolContext, change: TreeChange): boolean {
  const check = checkWritePath(context.envelope, displayPath(change.path));
  if (check.inside) return true;
  // A person allowed the command and so what it does; protected paths still need their own word.
  return context.approvedOutside && check.reason === "outside_envelope" && check.approvable;
}

export type Settled = Pick<ToolOutput, "snapshot" | "changedPaths" | "revertedPaths">;

/** Compares with the tree before the call and undoes what the envelope does not cover. */
export async function settleChanges(context: ToolContext, before: string): Promise<Settled> {
  const { git, workspace } = context;
  // Not cancellable: after a cancelled command the working tree must be in bounds, too.
  const after = await takeSnapshot(git, workspace);
  const changes = await changesBetween(git, workspace.gitDir, before, after);
  const outside = changes.filter((change) => !isAllowed(context, change));
  const inside = changes.filter((change) => !outside.includes(change)).map((change) => displayPath(change.path));
  if (outside.length === 0) return { snapshot: after, changedPaths: inside };
  const snapshot = await revertChanges(git, workspace, outside);
  return { snapshot, changedPaths: inside, revertedPaths: outside.map((change) => displayPath(change.path)) };
}

const maxNamedPaths = 50;

/** Lines about undone changes for the model, empty when there were none. */
export function revertNote(settled: Settled): string {
  const paths = settled.revertedPaths ?? [];
  if (paths.length === 0) return "";
  const more = paths.length > maxNamedPaths ? ` and ${paths.length - maxNamedPaths} more` : "";
  return `\n[changes outside the approved paths were undone: ${paths.slice(0, maxNamedPaths).join(", ")}${more}]`;
}

/** How a run ended, in one line. */
export function describeEnd(result: SandboxResult, timeoutSeconds: number): string {
  if (result.timedOut) return `ended after its time limit of ${timeoutSeconds} s`;
  if (result.cancelled) return "was cancelled";
  if (result.limitHit === "memory") return "was ended: it used more memory than allowed";
  if (result.limitHit === "output") return "was ended: it printed more than allowed";
  const code = result.exitCode === null ? `was ended by ${result.signal ?? "a signal"}` : `exited ${result.exitCode}`;
  return result.limitHit === "processes" ? `${code} (it ran into the limit of processes)` : code;
}

/** Wall time: the smallest of what the call, the invocation and the limit say. */
export function wallSeconds(context: ToolContext, asked: number | undefined): number {
  const invocation = context.timeoutSeconds > 0 ? context.timeoutSeconds : Number.POSITIVE_INFINITY;
  const own = asked ?? (context.timeoutSeconds > 0 ? context.timeoutSeconds : toolLimits.defaultTimeoutSeconds);
  return Math.min(own, invocation, toolLimits.maxTimeoutSeconds);
}
