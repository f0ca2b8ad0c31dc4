// The sandbox on Linux: bubblewrap namespaces, our own system call filter, and limits by
// control group where one can be made, by rlimit elsewhere.
import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";

import { AgentError } from "@ossaat/contracts";

import {
  boxArguments,
  boxCache,
  boxDependencies,
  boxWorkspace,
  prepareSystem,
  processLimits,
  switchUser,
  withToolchains,
} from "../box-arguments.ts";
import type { BoxBase, BoxIdentity, SystemBase } from "../box-arguments.ts";
import { createCgroup, findCgroupBase, removeLeftGroups } from "../cgroup.ts";
import type { Cgroup, CgroupBase } from "../cgroup.ts";
import { enterNamespace, fdChannel, passListener } from "../enter-namespace.ts";
import { findProgram } from "../find-program.ts";
import { handOver } from "../hand-over.ts";
import { findIdentity } from "../identity.ts";
import { leakingFds } from "../inherited-fds.ts";
import { runProcess } from "../run-process.ts";
import type { ProcessSpec } from "../run-process.ts";
import type { Sandbox, SandboxProbe, SandboxRequest, SandboxResult } from "../sandbox.ts";
import { buildSeccompFilter } from "../seccomp.ts";
import type { HostEnvironment, ReadOnlyBind } from "../toolchains.ts";
import { probeBox } from "./bubblewrap-probe.ts";

export type BubblewrapOptions = {
  host: HostEnvironment;
  /** Processor name as Node gives it, for example x64. */
  arch: string;
  /** Folder for the box's own /etc files; owner-only. */
  scratchDir: string;
  /** More of the machine the box may read, for example another toolchain. */
  readOnlyBinds?: readonly ReadOnlyBind[];
  /** Who payloads are; found out by itself when left out. */
  identity?: BoxIdentity;
  /** Set to false to use rlimits even where control groups work. */
  useCgroups?: boolean;
};

type Machine = {
  bwrap: string;
  node: string;
  prlimit: string;
  setpriv: string;
  identity: BoxIdentity;
  base: SystemBase;
  filter: Buffer;
  cgroup: CgroupBase | undefined;
  leaking: number[];
};

const fdFilter = 3;
const fdStatus = 4;
const fdBlock = 5;

/** What a machine must have; the message says how to get it. */
function missing(program: string, packageName: string): AgentError {
  return new AgentError("unavailable", `The sandbox needs ${program}, which is not installed.`, {
    details: { next: `apt-get install -y ${packageName}` },
  });
}

async function cleanCgroupBase(): Promise<CgroupBase | undefined> {
  const base = await findCgroupBase();
  if (base !== undefined) await removeLeftGroups(base);
  return base;
}

async function inspectMachine(options: BubblewrapOptions): Promise<Machine> {
  const bwrap = await findProgram(options.host.path, "bwrap");
  if (bwrap === undefined) throw missing("bubblewrap (bwrap)", "bubblewrap");
  const prlimit = await findProgram("/usr/bin", "prlimit");
  const setpriv = await findProgram("/usr/bin", "setpriv");
  if (prlimit === undefined || setpriv === undefined) throw missing("prlimit and setpriv", "util-linux");
  return {
    bwrap,
    node: options.host.execPath,
    prlimit,
    setpriv,
    identity: options.identity ?? (await findIdentity()),
    base: await prepareSystem({ scratchDir: options.scratchDir, extraBinds: options.readOnlyBinds ?? [] }),
    filter: buildSeccompFilter(options.arch),
    cgroup: options.useCgroups === false ? undefined : await cleanCgroupBase(),
    leaking: await leakingFds(fdBlock),
  };
}

/**
 * Reads what bwrap says of a box, on a descriptor that nothing inside the box holds. `onPid` gets the
 * host process id of the box's first process, 0 when bwrap ended before. Tells whether the program was
 * started: only then does bwrap name an exit code. Read to its end: a closed pipe would end bwrap.
 */
async function readStatus(stream: Readable, onPid: (pid: number) => Promise<void>): Promise<boolean> {
  let text = "";
  let isNamed = false;
  const name = async (): Promise<void> => {
    if (isNamed) return;
    isNamed = true;
    await onPid(Number(/"child-pid":\s*(\d+)/u.exec(text)?.[1] ?? 0));
  };
  try {
    for await (const data of stream) {
      text += String(data);
      // A document ends with its line: the number in it is whole.
      if (text.includes("\n")) await name();
    }
  } catch (error) {
    // The box died during set-up; what was written before still counts.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  } finally {
    await name();
  }
  return text.includes('"exit-code":');
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The process tree of one box, and how it is ended at any moment of its life. */
class BoxProcesses {
  #pid: number | undefined;
  #isDoomed = false;

  /** Takes the pid of the box's first process, 0 for none, and tells whether the box may go on. */
  setPid(child: ChildProcess, pid: number): boolean {
    this.#pid = pid;
    if (this.#isDoomed || child.signalCode !== null) this.kill(child);
    return !this.#isDoomed && pid > 0 && !hasEnded(child);
  }

  kill(child: ChildProcess): void {
    this.#isDoomed = true;
    // bwrap ended between making the box and naming it would leave a box that nobody can find.
    if (this.#pid === undefined) return;
    // The box's first process takes its whole pid namespace with it, daemons included. Once bwrap
    // has exited, its number may belong to somebody else.
    if (this.#pid > 0 && child.exitCode === null) killProcess(this.#pid);
    this.#pid = 0;
    child.kill("SIGKILL");
  }
}

type Box = {
  base: BoxBase;
  request: SandboxRequest;
  group: Cgroup | undefined;
  onStarted: (isStarted: boolean) => void;
};

function boxSpec(machine: Machine, { base, request, group, onStarted }: Box): ProcessSpec {
  const { identity, bwrap, node } = machine;
  const { egress } = request;
  const words =
    egress === undefined ? [bwrap] : [...enterNamespace({ bwrap, node, identity, port: egress.port }), bwrap];
  const leaking = egress === undefined ? machine.leaking : machine.leaking.filter((fd) => fd !== fdChannel);
  const fds = group === undefined ? { statusFd: fdStatus } : { statusFd: fdStatus, blockFd: fdBlock };
  const processes = new BoxProcesses();
  return {
    command: bwrap,
    args: [
      ...words.slice(1),
      // An inherited descriptor is covered by /dev/null; bwrap reads it as an empty list and closes it.
      ...leaking.flatMap((fd) => ["--args", String(fd)]),
      ...boxArguments(base, request, { identity, ...fds }),
      ...(identity === "switched" ? switchUser(machine.setpriv) : []),
      machine.prlimit,
      ...processLimits(request, group !== undefined),
      "--",
      ...request.argv,
    ],
    cwd: "/",
    env: {},
    extraFds: [
      "pipe",
      "pipe",
      group === undefined ? "ignore" : "pipe",
      ...(egress === undefined ? [] : ["ipc" as const]),
    ],
    coveredFds: leaking,
    kill: (child) => processes.kill(child),
    onSpawn: async (child) => {
      if (egress !== undefined) passListener(child, egress);
      const streams = child.stdio as unknown as (Readable & Writable)[];
      // A box that dies during set-up closes its ends; its exit status tells the story.
      for (const stream of streams.slice(fdFilter)) stream?.on("error", () => stream.destroy());
      streams[fdFilter]?.end(machine.filter);
      const status = streams[fdStatus];
      if (status === undefined) return;
      const onPid = async (boxPid: number): Promise<void> => {
        if (!processes.setPid(child, boxPid) || group === undefined) return;
        await group.add(boxPid).catch((error: unknown) => {
          if (!hasEnded(child)) throw error;
        });
        streams[fdBlock]?.end("1");
      };
      onStarted(await readStatus(status, onPid));
    },
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.killed;
}

/** Makes the driver. Nothing of the machine is looked at before the first probe or run. */
export function createBubblewrapSandbox(options: BubblewrapOptions): Sandbox {
  let machine: Promise<Machine> | undefined;
  const inspect = (): Promise<Machine> => {
    machine ??= inspectMachine(options).catch((error: unknown) => {
      machine = undefined;
      throw error;
    });
    return machine;
  };

  async function run(request: SandboxRequest): Promise<SandboxResult> {
    const found = await inspect();
    const folders = [request.workspaceDir, ...(request.cacheDir === undefined ? [] : [request.cacheDir])];
    const [base] = await Promise.all([
      withToolchains(found.base, options.host),
      ...(found.identity === "switched" ? folders.map(handOver) : []),
    ]);
    const group = found.cgroup === undefined ? undefined : await createCgroup(found.cgroup, request.limits);
    let setupText = "";
    let isStarted = false;
    const onStarted = (started: boolean): void => {
      isStarted = started;
    };
    const watched: SandboxRequest = {
      ...request,
      onOutput: (channel, data) => {
        if (channel === "stderr" && setupText.length < 512) setupText += data.toString("utf8", 0, 512);
        return request.onOutput(channel, data);
      },
    };
    try {
      const result = await runProcess(boxSpec(found, { base, request, group, onStarted }), watched);
      const groupLimit = await group?.limitHit();
      const limitHit = result.outputExceeded ? "output" : result.exitCode === 0 ? undefined : groupLimit;
      // Never judged by what was printed: the program in the box prints there, too.
      if (result.exitCode !== null && !isStarted) throw setupFailure(setupText);
      return {
        exitCode: result.exitCode,
        ...(result.signal === null ? {} : { signal: result.signal }),
        timedOut: result.timedOut,
        cancelled: result.cancelled,
        ...(limitHit === undefined ? {} : { limitHit }),
        ...(result.outputCut ? { outputCut: true as const } : {}),
        seconds: result.seconds,
        unsandboxed: false,
      };
    } finally {
      await group?.remove();
    }
  }

  const probe = async (): Promise<SandboxProbe> => {
    const found = await inspect().catch((error: unknown) => AgentError.from(error));
    return probeBox(found instanceof AgentError ? { failure: found } : found, {
      run,
      scratchDir: options.scratchDir,
    });
  };
  return {
    driver: "bubblewrap",
    egress: "filtered",
    workspacePath: () => boxWorkspace,
    dependencyRoot: boxDependencies,
    cacheRoot: boxCache,
    probe,
    run,
  };
}

function setupFailure(text: string): AgentError {
  return new AgentError("unavailable", `The sandbox could not be made: ${text.split("\n")[0] ?? ""}`, {
    details: { next: "run `ossaat status` to see the sandbox" },
  });
}
