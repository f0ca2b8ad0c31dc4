// Runs calls: each invocation id once, with numbered events and exactly one terminal event. A
// repeated id attaches to the running call or gets its stored result. A runner that stops breaks what runs off.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError, demandsSandbox, hashJson, readEgressUse, toolSpecs } from "@ossaat/contracts";
import type { CallOptions, Denial, EgressRecord, ToolEvent, ToolInvocation, ToolName } from "@ossaat/contracts";

import type { BuildCaches } from "../build-cache/build-caches.ts";
import { guardDependencies } from "../dependencies/guard-files.ts";
import { egressNote } from "../egress/describe-egress.ts";
import type { Egress } from "../egress/open-egress.ts";
import { openWorkspaceFiles } from "../files/workspace-files.ts";
import type { Git } from "../git/git.ts";
import type { LogStore } from "../log/log-store.ts";
import type { Sandbox, SandboxLimits } from "../sandbox/sandbox.ts";
import { workspaceLockKey } from "../workspace/create-workspaces.ts";
import type { Fences } from "../workspace/fences.ts";
import type { Layout } from "../workspace/layout.ts";
import type { KeyedLock } from "../workspace/lock.ts";
import type { TreeGuards } from "../workspace/tree-guard.ts";
import { loadWorkspace } from "../workspace/workspace-record.ts";
import type { OpenWorkspace } from "../workspace/workspace-record.ts";
import { checkInvocation } from "./check-invocation.ts";
import type { CheckedCall } from "./check-invocation.ts";
import { denialField, refusalOf } from "./denials.ts";
import { EventLog } from "./event-log.ts";
import type { NewEvent } from "./event-log.ts";
import { eventLimits, stopLimits } from "./limits.ts";
import type { ResultStore, StoredCall } from "./result-store.ts";
import { RunnerStopped } from "./runner-stopped.ts";
import type { Emit, Tool, ToolContext, ToolRegistry, ToolResult } from "./tool.ts";

/** What the runner writes to its log; never arguments, paths or output. */
export type RunnerLog = { warn(fields: Record<string, unknown>, message: string): void };

export type ExecuteDeps = {
  git: Git;
  layout: Layout;
  lock: KeyedLock;
  logs: LogStore;
  fences: Fences;
  caches: BuildCaches;
  trees: TreeGuards;
  results: ResultStore;
  sandbox: Sandbox;
  egress: Egress;
  limits: SandboxLimits;
  tools: ToolRegistry;
  now: () => Date;
  log: RunnerLog;
};

type Call = {
  events: EventLog;
  abort: AbortController;
  request: string;
  done: Promise<void>;
} & Pick<ToolInvocation, "workspaceId" | "fence">;

/** Tools that let git look at the files; two at a time, or one beside a running command, would see half-made states. */
const readers: ReadonlySet<ToolName> = new Set(["git_status", "git_diff", "git_log", "list_files", "search_text"]);
const needsLock = (name: ToolName): boolean => toolSpecs[name].effect !== "pure" || readers.has(name);

function runTool(deps: ExecuteDeps, call: CheckedCall, context: ToolContext): Promise<ToolResult> {
  // The registry maps each name to the tool of that very input; the pair was checked together.
  const tool = deps.tools[call.name] as Tool<ToolName>;
  return tool(context, call.input);
}

/** Held where a call begins and where one that has not begun is cancelled. */
const resultLockKey = (invocationId: string): string => `result:${invocationId}`;

function requestDigest(invocation: ToolInvocation): string {
  const { planId, stepId, tool, inputJson, workspaceId, grant } = invocation;
  return hashJson({ planId, stepId, tool, inputJson, workspaceId, grant });
}

function failure(error: AgentError, at: string, noted: readonly Denial[] = []): NewEvent {
  const state = error.code === "cancelled" ? ("cancelled" as const) : ("failed" as const);
  const refusal = refusalOf(error);
  const denials = denialField(refusal === undefined ? noted : [...noted, refusal]);
  const named = { ...error.details, ...denials };
  const details = Object.keys(named).length === 0 ? {} : { details: named };
  return {
    state,
    occurredAt: at,
    summary: error.message,
    error: { code: error.code, message: error.message, ...details },
  };
}

/** Splits output into chunks of valid text; half a character waits for its rest. */
function createEmit(deps: ExecuteDeps, events: EventLog): Emit {
  const decoders = new Map<string, InstanceType<typeof TextDecoder>>();
  return async (channel, data) => {
    const decoder = decoders.get(channel) ?? new TextDecoder("utf-8");
    decoders.set(channel, decoder);
    for (let from = 0; from < data.length; from += eventLimits.maxChunkBytes) {
      const part = data.subarray(from, from + eventLimits.maxChunkBytes);
      const text = decoder.decode(part, { stream: true });
      const occurredAt = deps.now().toISOString();
      if (text !== "") await events.push({ state: "running", occurredAt, chunk: { channel, data: text } });
    }
  };
}

type Run = { events: EventLog; signal: AbortSignal } & Pick<ToolContext, "deny" | "reach">;

/** The workspace of one call; repositories planted in it are noted as they are removed. */
async function openWorkspace(deps: ExecuteDeps, invocation: ToolInvocation, deny: Run["deny"]): Promise<OpenWorkspace> {
  const workspace = await loadWorkspace(deps.layout, invocation.workspaceId);
  if (workspace.planId !== invocation.planId) {
    throw new AgentError("policy_denied", "The workspace belongs to another plan.", {
      details: { reason: "other_plan" },
    });
  }
  const onRemovedGit = (path: Buffer): void => {
    const what = path.subarray(Buffer.byteLength(workspace.dir) + 1).toString("utf8");
    deny({ layer: "git", rule: "planted_repository", what });
  };
  return { ...workspace, watch: { onRemovedGit } };
}

function checkSandbox({ sandbox }: ExecuteDeps, { metadata }: ToolInvocation): void {
  if (sandbox.driver !== "none" || !demandsSandbox(metadata)) return;
  throw new AgentError("policy_denied", "The sandbox is required, and this tool runner has none.", {
    details: { reason: "sandbox", next: "start the tool runner again with OSSAAT_RUNNER_SANDBOX=auto" },
  });
}

async function perform(deps: ExecuteDeps, invocation: ToolInvocation, { events, signal, deny, reach }: Run) {
  const call = checkInvocation(invocation, deps.now());
  checkSandbox(deps, invocation);
  const { workspaceId, fence } = invocation;
  // Whoever may not look into a working tree may not keep others from it either.
  if (fence !== undefined) await openWorkspace(deps, invocation, deny);
  await deps.fences.admit(workspaceId, fence, signal);
  const run = async (): Promise<ToolResult> => {
    signal.throwIfAborted();
    await deps.fences.check(workspaceId, fence);
    const workspace = await openWorkspace(deps, invocation, deny);
    return runTool(deps, call, {
      workspace,
      files: guardDependencies(openWorkspaceFiles(workspace.dir), workspace.dependencies),
      git: deps.git,
      sandbox: deps.sandbox,
      limits: deps.limits,
      logs: deps.logs,
      caches: deps.caches,
      trees: deps.trees,
      emit: createEmit(deps, events),
      deny,
      reach,
      envelope: invocation.envelope,
      egress: deps.egress,
      step: { planId: invocation.planId, stepId: invocation.stepId, used: readEgressUse(invocation.metadata) },
      approvedOutside: invocation.approvedOutside,
      timeoutSeconds: invocation.timeoutSeconds,
      signal,
    });
  };
  if (!needsLock(call.name)) return run();
  return deps.lock.hold(workspaceLockKey(workspaceId), run, signal);
}

/** An ending without a result that tells of the network all the same: what was asked for, was asked for. */
function withEgress(event: NewEvent, records: readonly EgressRecord[]): NewEvent {
  if (records.length === 0 || (event.state !== "failed" && event.state !== "cancelled")) return event;
  return { ...event, output: { text: egressNote(records).trim(), ...event.output, egress_requests: [...records] } };
}

function tooLarge(): AgentError {
  const message = `The result is larger than ${eventLimits.maxResultBytes} bytes: ask for less, for example for one path.`;
  return new AgentError("limit_exceeded", message);
}

function cancelledEvent(result: ToolResult | undefined, at: string): NewEvent {
  const message = "The call was cancelled.";
  const output = result === undefined ? {} : { output: result.output };
  return { state: "cancelled", occurredAt: at, summary: message, ...output, error: { code: "cancelled", message } };
}

/** How a call ends that was cut. @throws RunnerStopped when not its caller wanted that */
function cutEvent(signal: AbortSignal, result: ToolResult | undefined, at: string): NewEvent {
  if (signal.reason instanceof RunnerStopped) throw signal.reason;
  return cancelledEvent(result, at);
}

/** Runs calls; running ones live in memory, finished ones in the result store. */
export class ToolExecutor {
  readonly #deps: ExecuteDeps;
  readonly #calls = new Map<string, Call>();
  #isStopping = false;

  constructor(deps: ExecuteDeps) {
    this.#deps = deps;
    deps.fences.onRaise((workspaceId, fence) => this.#endLower(workspaceId, fence));
  }

  /**
   * See {@link ToolService.execute}. Leaving the loop early only detaches; an abort cancels the call.
   * @throws RunnerStopped
   */
  async *execute(given: ToolInvocation, options: CallOptions = {}): AsyncGenerator<ToolEvent> {
    if (this.#isStopping) throw new RunnerStopped();
    // A copy: what the caller does to its object afterwards changes nothing here.
    const call = this.#attach(structuredClone(given));
    const onAbort = (): void => call.abort.abort();
    if (options.signal?.aborted === true) onAbort();
    options.signal?.addEventListener("abort", onAbort, { once: true });
    try {
      yield* call.events.read(given.afterSeq ?? 0);
      await call.done;
    } finally {
      options.signal?.removeEventListener("abort", onAbort);
    }
  }

  /** See {@link ToolService.cancel}. */
  async cancel(invocationId: string): Promise<void> {
    if (this.#calls.get(invocationId) === undefined) await this.#cancelUnknown(invocationId);
    // It may have come in the meantime.
    const call = this.#calls.get(invocationId);
    if (call === undefined || call.events.terminal !== undefined) return;
    call.abort.abort();
    await call.done;
  }

  /** Ends what a former holder of the working tree still runs in it. */
  async #endLower(workspaceId: string, fence: number): Promise<void> {
    const isLower = (call: Call): boolean =>
      call.workspaceId === workspaceId && call.fence !== undefined && call.fence < fence;
    const lower = [...this.#calls.values()].filter((call) => isLower(call) && call.events.terminal === undefined);
    for (const call of lower) call.abort.abort();
    await Promise.all(lower.map((call) => call.done));
  }

  /** Whoever brings the id later is too late: another may be at work in its working tree. */
  async #cancelUnknown(invocationId: string): Promise<void> {
    const { results, lock } = this.#deps;
    await lock.hold(resultLockKey(invocationId), async () => {
      const stored = await results.load(invocationId);
      if (stored?.terminal !== undefined || this.#calls.has(invocationId)) return;
      const terminal: ToolEvent = { ...cancelledEvent(undefined, this.#at()), seq: 1 };
      await results.save(invocationId, { ...stored, terminal });
    });
  }

  /**
   * Takes no call any more, lets those that run end for at most `graceMs`, then breaks them off. Their processes
   * have ended when it resolves, and nothing is stored of how they ended.
   */
  async close(graceMs: number = stopLimits.graceMs): Promise<void> {
    this.#isStopping = true;
    const calls = [...this.#calls.values()];
    const ended = Promise.all(calls.map((call) => call.done));
    const waiting = new AbortController();
    await Promise.race([ended, sleep(graceMs, undefined, { signal: waiting.signal }).catch(() => undefined)]);
    waiting.abort();
    for (const call of calls) if (call.events.terminal === undefined) call.abort.abort(new RunnerStopped());
    await ended;
  }

  #at(): string {
    return this.#deps.now().toISOString();
  }

  #attach(invocation: ToolInvocation): Call {
    const known = this.#calls.get(invocation.invocationId);
    if (known === undefined) return this.#start(invocation);
    if (known.request === requestDigest(invocation)) return known;
    throw new AgentError("conflict", "This invocation id was used for another call.");
  }

  #start(invocation: ToolInvocation): Call {
    const events = new EventLog();
    const abort = new AbortController();
    abort.signal.addEventListener("abort", () => events.release(), { once: true });
    const { workspaceId, fence } = invocation;
    const request = requestDigest(invocation);
    const call: Call = { events, abort, request, done: Promise.resolve(), workspaceId, fence };
    call.done = this.#run(invocation, call).catch((error: unknown) => {
      if (error instanceof RunnerStopped) {
        events.breakOff(error);
        return;
      }
      const { invocationId } = invocation;
      this.#deps.log.warn({ invocationId, cause: error }, "A tool call could not be recorded.");
      if (events.terminal === undefined) events.end(failure(AgentError.from(error), this.#at()));
    });
    this.#calls.set(invocation.invocationId, call);
    this.#forgetFinished();
    return call;
  }

  async #run(invocation: ToolInvocation, call: Call): Promise<void> {
    const { invocationId } = invocation;
    const { results, lock } = this.#deps;
    const stored = await lock.hold(resultLockKey(invocationId), () => results.load(invocationId));
    const last = stored === undefined ? undefined : replay(stored, invocation, call, this.#at());
    // Numbers only rise for a reader that goes on after a restart.
    call.events.continueAfter(stored?.terminal === undefined ? (invocation.afterSeq ?? 0) : stored.terminal.seq - 1);
    if (last !== undefined) {
      call.events.end(last);
      return;
    }
    await results.save(invocationId, { request: call.request });
    await call.events.push({ state: "running", occurredAt: this.#at() });
    const ending = await this.#settle(invocation, call.events, call.abort.signal);
    if (ending.state === "failed" && ending.error.code === "unavailable") {
      // Nothing ran and the cause may be mended: the same id may try again.
      await results.drop(invocationId);
      this.#calls.delete(invocationId);
    } else {
      // On disk before anybody hears of it: what was reported is never run again.
      const terminal: ToolEvent = { ...ending, seq: call.events.nextSeq };
      await results.save(invocationId, { request: call.request, terminal });
    }
    call.events.end(ending);
  }

  async #settle(invocation: ToolInvocation, events: EventLog, signal: AbortSignal): Promise<NewEvent> {
    const noted: Denial[] = [];
    const deny = (denial: Denial): void => void noted.push(denial);
    const reached: EgressRecord[] = [];
    const reach = (records: readonly EgressRecord[]): void => void reached.push(...records);
    try {
      const given = await perform(this.#deps, invocation, { events, signal, deny, reach });
      const result = { ...given, output: { ...given.output, ...denialField(noted) } };
      if (signal.aborted) return cutEvent(signal, result, this.#at());
      if (Buffer.byteLength(JSON.stringify(result.output)) > eventLimits.maxResultBytes) throw tooLarge();
      return { state: "completed", occurredAt: this.#at(), ...result };
    } catch (error) {
      if (signal.aborted) return withEgress(cutEvent(signal, undefined, this.#at()), reached);
      const known = AgentError.from(error);
      if (known.code === "internal" || known.cause !== undefined) {
        const { invocationId, tool } = invocation;
        const fields = { invocationId, tool, code: known.code, cause: known.cause ?? error };
        this.#deps.log.warn(fields, "A tool call failed.");
      }
      return withEgress(failure(known, this.#at(), noted), reached);
    }
  }

  #forgetFinished(): void {
    for (const [id, call] of this.#calls) {
      if (this.#calls.size <= eventLimits.maxFinishedCalls) return;
      if (call.events.terminal !== undefined) this.#calls.delete(id);
    }
  }
}

/** What a stored record answers to a repeated id; undefined = run it (again). */
function replay(stored: StoredCall, invocation: ToolInvocation, call: Call, at: string): NewEvent | undefined {
  if (stored.request !== undefined && stored.request !== call.request) {
    return failure(new AgentError("conflict", "This invocation id was used for another call."), at);
  }
  if (stored.terminal !== undefined) {
    const { seq: _seq, ...event } = stored.terminal;
    return event;
  }
  // It was running when the runner stopped. Everything but a one-time effect may run again.
  if (invocation.envelope.effect !== "once") return undefined;
  const error = new AgentError(
    "tool_failed",
    "The runner stopped during this call; whether it took effect is unknown.",
    {
      details: { retryable: false, reason: "interrupted" },
    },
  );
  return failure(error, at);
}
