// One command in the sandbox: its output streamed, logged and bounded.
import { AgentError, findIdleEntries, toolLimits } from "@ossaat/contracts";
import type { CommandRecord, EgressRecord } from "@ossaat/contracts";

import { buildFarms } from "../dependencies/link-farm.ts";
import { dependencyNote } from "../dependencies/manifest-note.ts";
import { mountDependencies } from "../dependencies/mount-dependencies.ts";
import { egressNote } from "../egress/describe-egress.ts";
import type { EgressRun } from "../egress/open-egress.ts";
import type { RunMounts, SandboxResult } from "../sandbox/sandbox.ts";
import type { TreeUse } from "../workspace/measure-tree.ts";
import type { RoomWatch } from "../workspace/room-watch.ts";
import type { TreeExcess } from "../workspace/tree-guard.ts";
import { limitDenials } from "./denials.ts";
import { collectOutput } from "./output-collector.ts";
import type { ToolContext } from "./tool.ts";

export type SandboxedCommand = {
  argv: readonly string[];
  cwd: string;
  timeoutSeconds: number;
  env?: Record<string, string>;
  /** Entries of the network list beyond the step's, which a person allowed for this call. */
  hosts?: readonly string[];
  /** Watch over the disk the files lie on. */
  room: RoomWatch;
};

export type CommandRun = {
  result: SandboxResult;
  record: CommandRecord;
  /** Head and tail of the output. */
  text: string;
  /** Output for a parser, bounded. */
  output: string;
  /** What to know of installed dependencies and the network, as further lines of the result; mostly empty. */
  note: string;
  /** Decisions about requests to the network. */
  egress: EgressRecord[];
  /** The working tree became too large: nothing of it may be kept. */
  treeExcess?: TreeExcess;
};

/** The user's installed dependencies for one run, where the driver can show them. */
async function offerDependencies(
  { sandbox, workspace, files }: ToolContext,
  cwd: string,
): Promise<{ mounts?: RunMounts; note: string }> {
  const { dependencyRoot: shownAt } = sandbox;
  if (shownAt === undefined) return { note: "" };
  const { dependencies, dir } = workspace;
  await buildFarms(dependencies, { tree: dir, shownAt }, "missing");
  const note = await dependencyNote(workspace);
  if (dependencies === undefined) return { note };
  const workspacePath = sandbox.workspacePath(dir);
  return { mounts: await mountDependencies(dependencies, { files, workspacePath, shownAt, cwd }), note };
}

/** The way out the step's list and the call's approval give; undefined when there is none to be made. */
async function openEgress(context: ToolContext, hosts: readonly string[]): Promise<EgressRun | undefined> {
  const { sandbox, envelope, step } = context;
  const idle = new Set(findIdleEntries(envelope).map(({ entry }) => entry));
  const entries = [...envelope.egressHosts, ...hosts].filter((entry) => !idle.has(entry));
  if (entries.length === 0 || sandbox.egress === "uncontrolled") return undefined;
  return context.egress.open({ ...step, entries, secretNames: envelope.secrets.filter((name) => !idle.has(name)) });
}

/** Said with each run: what a person reads in the plan is not what the step has. */
function idleNote({ envelope }: ToolContext): string {
  const idle = findIdleEntries(envelope);
  if (idle.length === 0) return "";
  return [
    "\nThese entries of the step grant nothing:",
    ...idle.map(({ entry, why }) => `- ${JSON.stringify(entry)}: ${why}`),
  ].join("\n");
}

const gibibyte = 1024 ** 3;

/** What a tree may take, in words. */
function boundText({ treeBytes, treeEntries }: ToolContext["limits"], excess: TreeExcess): string {
  return excess === "disk"
    ? `more than ${Math.round((treeBytes / gibibyte) * 100) / 100} GiB on the disk`
    : `more than ${treeEntries} files and folders`;
}

/** @throws AgentError limit_exceeded before anything runs: the checkout itself, or what is left of earlier commands */
async function requireSmallTree(
  { trees, limits }: ToolContext,
  roots: readonly [string, ...string[]],
  max: TreeUse,
): Promise<void> {
  const excess = await trees.check(roots, max);
  if (excess === undefined) return;
  throw new AgentError(
    "limit_exceeded",
    `The working tree takes ${boundText(limits, excess)}: no command runs in it.`,
    {
      details: {
        reason: excess,
        next: "remove what is not needed, or raise sandbox.treeGib or sandbox.treeFiles (`ossaat config explain`)",
      },
    },
  );
}

/** How a run ended whose tree became too large, whatever its program says. */
function overfull(result: SandboxResult, excess: TreeExcess): SandboxResult {
  return { ...result, exitCode: null, signal: "SIGKILL", cancelled: false, limitHit: excess };
}
const fillNote = "\n[the command filled the disk: everything it had written to the working tree was removed]";

/** Runs the command; its output is streamed, logged and bounded. */
export async function runInSandbox(
  context: ToolContext,
  command: SandboxedCommand,
  keepBytes: number,
): Promise<CommandRun> {
  const { sandbox, workspace, files, caches, logs, signal } = context;
  const { mounts, note } = await offerDependencies(context, command.cwd);
  const cache = await caches.forRun({ workspace, files, cwd: command.cwd, signal });
  const roots = [workspace.dir, ...(cache === undefined ? [] : [cache.dir])] as [string, ...string[]];
  const max = { bytes: context.limits.treeBytes, entries: context.limits.treeEntries };
  await requireSmallTree(context, roots, max);
  const egress = await openEgress(context, command.hosts ?? []);
  const guard = context.trees.watch(roots, max);
  const excess = new AbortController();
  void guard.exceeded.then(() => excess.abort());
  const output = await collectOutput(logs, { textBytes: toolLimits.maxOutputBytes, keepBytes });
  try {
    const ended = await sandbox.run({
      argv: command.argv,
      cwd: command.cwd,
      workspaceDir: workspace.dir,
      env: { ...cache?.env, ...egress?.env, ...command.env },
      ...(egress === undefined ? {} : { egress: egress.gate }),
      ...(mounts === undefined ? {} : { mounts }),
      ...(cache === undefined ? {} : { cacheDir: cache.dir }),
      limits: { ...context.limits, wallMs: command.timeoutSeconds * 1000 },
      onOutput: async (channel, data) => {
        await output.take(channel, data);
        await context.emit(channel, data);
      },
      signal: AbortSignal.any([signal, excess.signal]),
    });
    const treeExcess = await guard.finish();
    // Before anything is written: there may be no room for it.
    await command.room.undoFill();
    const result = treeExcess === undefined || signal.aborted ? ended : overfull(ended, treeExcess);
    const requests = (await egress?.finish()) ?? [];
    context.reach(requests);
    const isFull = command.room.isUndone && treeExcess === undefined;
    if (isFull) context.deny({ layer: "limit", rule: "disk", what: command.argv[0] ?? "" });
    for (const denial of limitDenials(result, command.argv[0] ?? "")) context.deny(denial);
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
    const notes = (isFull ? fillNote : "") + note + idleNote(context) + egressNote(requests);
    return {
      result,
      record,
      text: output.text(),
      output: output.all().toString("utf8"),
      note: notes,
      egress: requests,
      ...(treeExcess === undefined ? {} : { treeExcess }),
    };
  } catch (error) {
    await guard.finish();
    await command.room.undoFill();
    context.reach((await egress?.finish()) ?? []);
    await output.discard();
    throw error;
  }
}

/** The run's network decisions as a part of a tool's output. */
export function egressOutput({ egress }: Pick<CommandRun, "egress">): { egress_requests?: EgressRecord[] } {
  return egress.length === 0 ? {} : { egress_requests: egress };
}

/** How a run ended, in one line. */
export function describeEnd(result: SandboxResult, timeoutSeconds: number): string {
  if (result.timedOut) return `ended after its time limit of ${timeoutSeconds} s`;
  if (result.cancelled) return "was cancelled";
  if (result.limitHit === "memory") return "was ended: it used more memory than allowed";
  if (result.limitHit === "disk" || result.limitHit === "files") {
    const what = result.limitHit === "disk" ? "took more of the disk" : "held more files";
    return `was ended: the working tree ${what} than allowed, and all that the command wrote was undone`;
  }
  if (result.limitHit === "output") return "was ended: it printed more than allowed";
  const cut = result.outputCut === true ? " (processes it left running may have printed more)" : "";
  const code = result.exitCode === null ? `was ended by ${result.signal ?? "a signal"}` : `exited ${result.exitCode}`;
  return result.limitHit === "processes" ? `${code} (it ran into the limit of processes)${cut}` : `${code}${cut}`;
}

/** Wall time: the smallest of what the call, the invocation and the limit say. */
export function wallSeconds(context: ToolContext, asked: number | undefined): number {
  const invocation = context.timeoutSeconds > 0 ? context.timeoutSeconds : Number.POSITIVE_INFINITY;
  const own = asked ?? (context.timeoutSeconds > 0 ? context.timeoutSeconds : toolLimits.defaultTimeoutSeconds);
  return Math.min(own, invocation, toolLimits.maxTimeoutSeconds);
}
