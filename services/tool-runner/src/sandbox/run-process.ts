// Runs one child process with its limits on time and output, and with back-pressure: a slow
// consumer of output slows the child. Shared by the sandbox adapters.
import { spawn } from "node:child_process";
import type { ChildProcess, SpawnOptions } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import type { Readable } from "node:stream";

import { AgentError } from "@ossaat/contracts";

import { pipeGraceMs } from "./limits.ts";
import type { OutputChannel, SandboxRequest } from "./sandbox.ts";

export type ProcessSpec = {
  command: string;
  args: readonly string[];
  cwd: string;
  env: Record<string, string>;
  /** File descriptors from 3 on. */
  extraFds?: readonly ("pipe" | "ignore" | "ipc")[];
  /** Descriptors, above those, that the child gets as /dev/null instead of what this process holds there. */
  coveredFds?: readonly number[];
  /** Ends the whole process tree at once. */
  kill: (child: ChildProcess) => void;
  /** Called as soon as the child exists; a rejection ends the run. */
  onSpawn?: (child: ChildProcess) => Promise<void>;
};

export type ProcessResult = {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  timedOut: boolean;
  cancelled: boolean;
  outputExceeded: boolean;
  /** The child ended, but what it left running still held its output: what that printed later is missing. */
  outputCut: boolean;
  seconds: number;
};

type Bounds = Pick<SandboxRequest, "limits" | "onOutput" | "signal">;

async function pump(stream: Readable, consume: (data: Buffer) => Promise<void>): Promise<void> {
  try {
    for await (const data of stream) await consume(data as Buffer);
  } catch (error) {
    // The pipe was closed on purpose after the child ended; everything before it was consumed.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
}

function ended(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve({ code, signal }));
  });
}

function startChild(spec: ProcessSpec): ChildProcess {
  const stdio: (number | "pipe" | "ignore" | "ipc")[] = ["ignore", "pipe", "pipe", ...(spec.extraFds ?? [])];
  const nothing = openSync("/dev/null", "r");
  try {
    for (const fd of spec.coveredFds ?? []) {
      // libuv leaves a descriptor from 3 on alone when it is to be ignored.
      while (stdio.length < fd) stdio.push("ignore");
      stdio[fd] = nothing;
    }
    const options: SpawnOptions = { cwd: spec.cwd, env: spec.env, detached: true, shell: false, stdio };
    return spawn(spec.command, [...spec.args], options);
  } finally {
    closeSync(nothing);
  }
}

/** Why a run was stopped before its own end. */
type Stop = "timeout" | "cancelled" | "output" | "setup";

/**
 * Runs the child until it ends or is ended.
 * @throws AgentError unavailable when the program cannot be started.
 */
export async function runProcess(spec: ProcessSpec, bounds: Bounds): Promise<ProcessResult> {
  if (bounds.signal?.aborted === true) throw new AgentError("cancelled", "The call was cancelled before it started.");
  const startedAt = performance.now();
  const child = startChild(spec);
  const exit = ended(child);
  const stopped = Promise.withResolvers<void>();
  let stop: Stop | undefined;
  const end = (reason: Stop): void => {
    if (stop !== undefined) return;
    stop = reason;
    stopped.resolve();
    spec.kill(child);
  };
  const reading: Reading = { pending: 0, onChange: () => undefined };
  let bytes = 0;
  const consume = (channel: OutputChannel) => async (data: Buffer) => {
    if (stop === "output") return;
    bytes += data.length;
    if (bytes > bounds.limits.outputBytes) end("output");
    const accepted = bounds.onOutput(channel, data);
    if (accepted === undefined) return reading.onChange();
    reading.pending += 1;
    reading.onChange();
    try {
      await Promise.race([accepted, stopped.promise]);
    } finally {
      reading.pending -= 1;
      reading.onChange();
    }
  };
  const onAbort = (): void => end("cancelled");
  bounds.signal?.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(() => end("timeout"), bounds.limits.wallMs);
  try {
    const { stdout, stderr } = child;
    if (stdout === null || stderr === null) throw new AgentError("internal", "The child has no output pipes.");
    const pumps = Promise.all([pump(stdout, consume("stdout")), pump(stderr, consume("stderr"))]);
    const setup = spec.onSpawn?.(child) ?? Promise.resolve();
    // A failure ends the child; it is told only when nothing of the child runs any more.
    setup.catch(() => end("setup"));
    pumps.catch(() => end("setup"));
    const { code, signal } = await exit;
    await setup;
    const isCut = await closePipes(child, pumps, reading);
    const seconds = (performance.now() - startedAt) / 1000;
    return {
      exitCode: stop === undefined ? code : null,
      signal: stop === undefined ? signal : "SIGKILL",
      timedOut: stop === "timeout",
      cancelled: stop === "cancelled",
      outputExceeded: stop === "output",
      outputCut: isCut && stop === undefined,
      seconds,
    };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall?.startsWith("spawn") !== true) throw error;
    throw new AgentError("unavailable", `${spec.command} cannot be started.`, { cause: error });
  } finally {
    clearTimeout(timer);
    bounds.signal?.removeEventListener("abort", onAbort);
  }
}

/** Output that was handed to its consumer and not accepted yet. */
type Reading = { pending: number; onChange: () => void };

/**
 * Waits for the output to be consumed; a process that escaped with the pipe cannot hold it for ever.
 * Tells whether the pipes were closed before their end.
 */
async function closePipes(child: ChildProcess, pumps: Promise<unknown>, reading: Reading): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  let isCut = false;
  // Only time in which nobody reads counts: a consumer that is slow but alive still gets everything.
  reading.onChange = (): void => {
    clearTimeout(timer);
    if (reading.pending > 0) return;
    timer = setTimeout(() => {
      isCut = true;
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, pipeGraceMs);
  };
  reading.onChange();
  try {
    await pumps;
    return isCut;
  } finally {
    clearTimeout(timer);
    reading.onChange = () => undefined;
  }
}
