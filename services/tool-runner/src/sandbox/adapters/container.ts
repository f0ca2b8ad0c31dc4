// The sandbox where bubblewrap is missing: one container a run, made by docker or podman, with the
// same world in it as a bubblewrap box. Nothing of the engine is reachable from inside.
import { lstat, realpath, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { AgentError, sha256Hex } from "@ossaat/contracts";
import { z } from "zod";

import { boxCache, boxDependencies, boxUid, boxWorkspace, prepareSystem, withToolchains } from "../box-arguments.ts";
import type { BoxBase, SystemBase } from "../box-arguments.ts";
import { createArguments } from "../container-arguments.ts";
import type { ContainerBox } from "../container-arguments.ts";
import { placeDependencyLinks } from "../container-dependencies.ts";
import { askEngine, callEngine, findEngine, guardContainer } from "../container-engine.ts";
import type { ContainerEngine } from "../container-engine.ts";
import { openContainerGate } from "../container-gate.ts";
import type { ContainerGate } from "../container-gate.ts";
import { ensureEmptyImage } from "../container-image.ts";
import { removeOrphans, runnerLabels } from "../container-orphans.ts";
import { handOver } from "../hand-over.ts";
import { engineLimits } from "../limits.ts";
import { runProcess } from "../run-process.ts";
import type { ProcessResult } from "../run-process.ts";
import type { Sandbox, SandboxProbe, SandboxRequest, SandboxResult } from "../sandbox.ts";
import { buildSeccompProfile } from "../seccomp-profile.ts";
import type { HostEnvironment, ReadOnlyBind } from "../toolchains.ts";
import { probeContainer } from "./container-probe.ts";

export type ContainerOptions = {
  host: HostEnvironment;
  /** Processor name as Node gives it, for example x64. */
  arch: string;
  /** Folder for the box's own files; owner-only. */
  scratchDir: string;
  /** Image whose files the box has; left out = the machine's own, as in a bubblewrap box. Never pulled. */
  image?: string | undefined;
  /** Variables that say where the engine's daemon is. */
  engineEnv?: Readonly<Record<string, string>>;
  readOnlyBinds?: readonly ReadOnlyBind[];
};

type Machine = {
  engine: ContainerEngine;
  system: SystemBase;
  user: ContainerBox["user"];
  profile: string;
  labels: Readonly<Record<string, string>>;
  /** Names of empty images by the links they hold. */
  images: Map<string, Promise<string>>;
};

const State = z.object({ ExitCode: z.number(), OOMKilled: z.boolean(), StartedAt: z.string(), Error: z.string() });

/** Root's podman maps nobody, as root's docker does not. */
function mapsUser(engine: ContainerEngine): boolean {
  return engine.name === "podman" && process.getuid?.() !== 0;
}

function payloadUser(engine: ContainerEngine): ContainerBox["user"] {
  const uid = process.getuid?.() ?? 0;
  // The daemon of an ordinary user's docker is root: only under the user's own number are the files theirs.
  return uid === 0 || mapsUser(engine) ? { uid: boxUid, gid: boxUid } : { uid, gid: process.getgid?.() ?? uid };
}

/** The engine puts its init program into /sbin, which can be no link into a read-only folder. */
function withoutInitFolder(base: BoxBase): BoxBase {
  const binds = base.binds.filter(({ target }) => target !== "/sbin");
  return { ...base, binds, links: base.links.filter(({ path }) => path !== "/sbin") };
}

async function inspectMachine(options: ContainerOptions): Promise<Machine> {
  const { host, scratchDir } = options;
  const engine = await findEngine(host, options.engineEnv ?? {});
  if (engine === undefined) {
    throw new AgentError("unavailable", "Neither docker nor podman is installed.", {
      details: { next: "apt-get install -y docker.io" },
    });
  }
  const user = payloadUser(engine);
  const system = await prepareSystem({ scratchDir, extraBinds: options.readOnlyBinds ?? [], user });
  const profile = join(scratchDir, "seccomp.json");
  await writeFile(profile, buildSeccompProfile(options.arch));
  const labels = await runnerLabels(sha256Hex(await realpath(scratchDir)));
  await removeOrphans(engine, labels);
  return { engine, system, user, profile, labels, images: new Map() };
}

/** The empty image for what the machine has now: its links are a part of it. */
function emptyImage({ engine, images }: Machine, base: BoxBase, scratchDir: string): Promise<string> {
  const key = JSON.stringify(base.links);
  const known = images.get(key);
  if (known !== undefined) return known;
  const made = ensureEmptyImage(engine, base, scratchDir);
  images.set(key, made);
  made.catch(() => images.delete(key));
  return made;
}

/** What a run gets, and the gate of one that has a way out, which needs nothing of a user's image. */
async function boxesOf(
  machine: Machine,
  { host, image, scratchDir }: ContainerOptions,
): Promise<{ box: ContainerBox; gateBox: () => Promise<ContainerBox> }> {
  const { engine, system, user, profile } = machine;
  const base = withoutInitFolder(await withToolchains(system, host));
  const shared = { base, engine: engine.name, profile, user, mapsUser: mapsUser(engine) };
  const own = async (): Promise<ContainerBox> => {
    const name = await emptyImage(machine, base, scratchDir);
    return { ...shared, image: name, hasOwnFiles: false };
  };
  if (image === undefined) return { box: await own(), gateBox: own };
  return { box: { ...shared, image, hasOwnFiles: true }, gateBox: own };
}

/** The engine makes the folder a container starts in and follows links to it; so none may be in it. */
async function requireRealFolder({ workspaceDir, cwd }: SandboxRequest): Promise<void> {
  let path = workspaceDir;
  for (const name of ["", ...cwd.split("/").filter((part) => part !== "" && part !== ".")]) {
    path = join(path, name);
    const isFolder = (await lstat(path).catch(() => undefined))?.isDirectory() === true;
    if (!isFolder || name === "..") throw new AgentError("invalid_input", `The folder ${cwd} does not exist.`);
  }
}

async function inspectEnd(engine: ContainerEngine, id: string): Promise<z.infer<typeof State>> {
  return State.parse(JSON.parse(await askEngine(engine, ["inspect", "--format", "{{json .State}}", id])));
}

/** Ends a container at once; its own process tree is its pid namespace. */
function killer(engine: ContainerEngine, id: string) {
  return (child: { kill(signal: "SIGKILL"): boolean }): void => {
    const give = (): void => void child.kill("SIGKILL");
    const timer = setTimeout(give, engineLimits.killMs);
    timer.unref();
    // A container that was not started yet is removed by the same word; the client then ends by itself.
    callEngine(engine, ["rm", "--force", id]).then(give, give);
  };
}

function resultOf(ended: ProcessResult, state: z.infer<typeof State> | undefined): SandboxResult {
  const wasStopped = ended.timedOut || ended.cancelled || ended.outputExceeded;
  const limitHit = ended.outputExceeded
    ? "output"
    : state?.OOMKilled === true && state.ExitCode !== 0
      ? "memory"
      : undefined;
  return {
    exitCode: wasStopped ? null : (state?.ExitCode ?? null),
    ...(wasStopped ? { signal: "SIGKILL" } : {}),
    timedOut: ended.timedOut,
    cancelled: ended.cancelled,
    ...(limitHit === undefined ? {} : { limitHit }),
    ...(ended.outputCut ? { outputCut: true as const } : {}),
    seconds: ended.seconds,
    unsandboxed: false,
  };
}

/** Runs a container that was made, to its end. */
async function attend({ engine }: Machine, id: string, request: SandboxRequest): Promise<SandboxResult> {
  let setupText = "";
  const onOutput: SandboxRequest["onOutput"] = (channel, data) => {
    if (channel === "stderr" && setupText.length < 512) setupText += data.toString("utf8", 0, 512);
    return request.onOutput(channel, data);
  };
  const ended = await runProcess(
    {
      command: engine.program,
      args: ["start", "--attach", id],
      cwd: "/",
      env: { ...engine.env },
      kill: killer(engine, id),
    },
    { ...request, onOutput },
  );
  if (ended.timedOut || ended.cancelled || ended.outputExceeded) return resultOf(ended, undefined);
  const state = await inspectEnd(engine, id);
  // Never judged by what was printed: the program in the box prints there, too.
  if (state.StartedAt.startsWith("0001-")) {
    const [why = ""] = (state.Error === "" ? setupText : state.Error).split("\n");
    throw new AgentError("unavailable", `The container could not be started: ${why}`);
  }
  return resultOf(ended, state);
}

/** Makes the driver. Nothing of the machine is looked at before the first probe or run. */
export function createContainerSandbox(options: ContainerOptions): Sandbox {
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
    const { engine, labels } = found;
    const { box, gateBox } = await boxesOf(found, options);
    if (request.argv[0] === undefined || request.argv[0] === "")
      throw new AgentError("invalid_input", "The program has no name.");
    await requireRealFolder(request);
    if (process.getuid?.() === 0) {
      await handOver(request.workspaceDir);
      if (request.cacheDir !== undefined) await handOver(request.cacheDir);
    }
    if (request.signal?.aborted === true)
      throw new AgentError("cancelled", "The call was cancelled before it started.");
    const links = await placeDependencyLinks(options.scratchDir, request.mounts);
    let gate: ContainerGate | undefined;
    let id: string | undefined;
    let release: (() => void) | undefined;
    try {
      if (request.egress !== undefined) {
        const place = { engine, labels, box: await gateBox() };
        gate = await openContainerGate(place, request.egress, options.scratchDir);
      }
      id = await askEngine(
        engine,
        createArguments(box, request, { labels, dependencyDir: links.dir, gateId: gate?.id }),
      );
      release = guardContainer(engine, id);
      return await attend(found, id, request);
    } finally {
      if (id !== undefined) await callEngine(engine, ["rm", "--force", "--volumes", id]);
      release?.();
      await gate?.close();
      await links.remove();
    }
  }

  const probe = async (): Promise<SandboxProbe> => {
    const found = await inspect().catch((error: unknown) => AgentError.from(error));
    if (found instanceof AgentError) return probeContainer({ failure: found }, { run, scratchDir: options.scratchDir });
    const described = { engine: found.engine.name, ...(options.image === undefined ? {} : { image: options.image }) };
    return probeContainer(described, { run, scratchDir: options.scratchDir });
  };
  return {
    driver: "container",
    workspacePath: () => boxWorkspace,
    dependencyRoot: boxDependencies,
    cacheRoot: boxCache,
    egress: "filtered",
    probe,
    run,
  };
}
