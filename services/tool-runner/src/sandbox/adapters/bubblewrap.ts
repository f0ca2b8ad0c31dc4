// The sandbox on Linux: bubblewrap namespaces, our own system call filter, and limits by
// control group where one can be made, by rlimit elsewhere.
import { execFile } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";

import { AgentError } from "@ossaat/contracts";

import {
  boxArguments,
  boxDependencies,
  boxUid,
  boxWorkspace,
  prepareBox,
  processLimits,
  switchUser,
} from "../box-arguments.ts";
import type { BoxBase, BoxIdentity } from "../box-arguments.ts";
import { createCgroup, findCgroupBase } from "../cgroup.ts";
import type { Cgroup, CgroupBase } from "../cgroup.ts";
import { findProgram } from "../find-program.ts";
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
  prlimit: string;
  setpriv: string;
  identity: BoxIdentity;
  base: BoxBase;
  filter: Buffer;
  cgroup: CgroupBase | undefined;
  leaking: number[];
};

const fdFilter = 3;
const fdInfo = 4;
const fdBlock = 5;

/** What a machine must have; the message says how to get it. */
function missing(program: string, packageName: string): AgentError {
  return new AgentError("unavailable", `The sandbox needs ${program}, which is not installed.`, {
    details: { next: `apt-get install -y ${packageName}` },
  });
}

async function inspectMachine(options: BubblewrapOptions): Promise<Machine> {
  const bwrap = await findProgram(options.host.path, "bwrap");
  if (bwrap === undefined) throw missing("bubblewrap (bwrap)", "bubblewrap");
  const prlimit = await findProgram("/usr/bin", "prlimit");
  const setpriv = await findProgram("/usr/bin", "setpriv");
  if (prlimit === undefined || setpriv === undefined) throw missing("prlimit and setpriv", "util-linux");
  return {
    bwrap,
    prlimit,
    setpriv,
    identity: options.identity ?? (await findIdentity()),
    base: await prepareBox(options.host, options.scratchDir, options.readOnlyBinds ?? []),
    filter: buildSeccompFilter(options.arch),
    cgroup: options.useCgroups === false ? undefined : await findCgroupBase(),
    leaking: await leakingFds(fdBlock),
  };
}

/**
 * Host process id of the box's first process, from bwrap's info descriptor; 0 when bwrap ended
 * before. Read to its end: bwrap writes in several pieces and a closed pipe would end it.
 */
async function readChildPid(stream: Readable): Promise<number> {
  let text = "";
  try {
    for await (const data of stream) text += String(data);
  } catch (error) {
    // The box died during set-up; what was written before still counts.
    if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
  }
  return Number(/"child-pid":\s*(\d+)/u.exec(text)?.[1] ?? 0);
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

function boxSpec(machine: Machine, request: SandboxRequest, group: Cgroup | undefined): ProcessSpec {
  const { identity } = machine;
  const fds = group === undefined ? { infoFd: fdInfo } : { infoFd: fdInfo, blockFd: fdBlock };
  const processes = new BoxProcesses();
  return {
    command: machine.bwrap,
    args: [
      // An inherited descriptor is covered by /dev/null; bwrap reads it as an empty list and closes it.
      ...machine.leaking.flatMap((fd) => ["--args", String(fd)]),
      ...boxArguments(machine.base, request, { identity, ...fds }),
      ...(identity === "switched" ? switchUser(machine.setpriv) : []),
      machine.prlimit,
      ...processLimits(request, group !== undefined),
      "--",
      ...request.argv,
    ],
    cwd: "/",
    env: {},
    extraFds: ["pipe", "pipe", group === undefined ? "ignore" : "pipe"],
    coveredFds: machine.leaking,
    kill: (child) => processes.kill(child),
    onSpawn: async (child) => {
      const streams = child.stdio as unknown as (Readable & Writable)[];
      // A box that dies during set-up closes its ends; its exit status tells the story.
      for (const stream of streams.slice(fdFilter)) stream?.on("error", () => stream.destroy());
      streams[fdFilter]?.end(machine.filter);
      const info = streams[fdInfo];
      if (info === undefined) return;
      const boxPid = await readChildPid(info);
      if (!processes.setPid(child, boxPid) || group === undefined) return;
      await group.add(boxPid).catch((error: unknown) => {
        if (!hasEnded(child)) throw error;
      });
      streams[fdBlock]?.end("1");
    },
  };
}

/**
 * Gives to the box's user whatever in a working tree is not theirs yet. Links are not followed, and
 * no box is alive on the tree. What is theirs keeps its change time, by which git knows it unread.
 */
async function handOver(workspaceDir: string): Promise<void> {
  const failed = (cause: unknown) =>
    new AgentError("unavailable", "The working tree cannot be given to the sandbox's user.", { cause });
  const words = `( ! -uid ${boxUid} -o ! -gid ${boxUid} ) -exec /usr/bin/chown -h ${boxUid}:${boxUid} -- {} +`.split(
    " ",
  );
  await promisify(execFile)("/usr/bin/find", ["-P", workspaceDir, ...words], { env: {} }).catch((cause: unknown) =>
    Promise.reject(failed(cause)),
  );
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.killed;
}

/** Makes the driver. Nothing of the machine is looked at before the first probe or run. */
export function createBubblewrapSandbox(options: BubblewrapOptions): Sandbox {
  let machine: Promise<Machine> | undefined;
  let runs = 0;
  const inspect = (): Promise<Machine> => {
    machine ??= inspectMachine(options).catch((error: unknown) => {
      machine = undefined;
      throw error;
    });
    return machine;
  };

  async function run(request: SandboxRequest): Promise<SandboxResult> {
    const found = await inspect();
    if (found.identity === "switched") await handOver(request.workspaceDir);
    runs += 1;
    const name = `ossaat-${process.pid}-${runs}`;
    const group = found.cgroup === undefined ? undefined : await createCgroup(found.cgroup, name, request.limits);
    let setupText = "";
    const watched: SandboxRequest = {
      ...request,
      onOutput: (channel, data) => {
        if (channel === "stderr" && setupText.length < 512) setupText += data.toString("utf8", 0, 512);
        return request.onOutput(channel, data);
      },
    };
    try {
      const result = await runProcess(boxSpec(found, request, group), watched);
      const groupLimit = await group?.limitHit();
      const limitHit = result.outputExceeded ? "output" : result.exitCode === 0 ? undefined : groupLimit;
      if (result.exitCode === 1 && setupText.startsWith("bwrap: ")) throw setupFailure(setupText);
      return {
        exitCode: result.exitCode,
        ...(result.signal === null ? {} : { signal: result.signal }),
        timedOut: result.timedOut,
        cancelled: result.cancelled,
        ...(limitHit === undefined ? {} : { limitHit }),
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
  return { driver: "bubblewrap", workspacePath: () => boxWorkspace, dependencyRoot: boxDependencies, probe, run };
}

function setupFailure(text: string): AgentError {
  return new AgentError("unavailable", `The sandbox could not be made: ${text.split("\n")[0] ?? ""}`, {
    details: { next: "run `ossaat status` to see the sandbox" },
  });
}
