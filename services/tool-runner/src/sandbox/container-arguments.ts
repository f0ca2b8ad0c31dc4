// The words that make one container box: what is mounted, what is taken away, what bounds it.
import { posix } from "node:path";

import { boxCache, boxEnvironment, boxHome, boxWorkspace, checkoutLink, devShmBytes } from "./box-arguments.ts";
import type { BoxBase } from "./box-arguments.ts";
import type { EngineName } from "./container-engine.ts";
import { engineLimits, gateLimits, inodesOf } from "./limits.ts";
import type { SandboxRequest } from "./sandbox.ts";
import type { ReadOnlyBind } from "./toolchains.ts";

export type ContainerBox = {
  base: BoxBase;
  engine: EngineName;
  image: string;
  /** File of the system call filter. */
  profile: string;
  user: { uid: number; gid: number };
  /** The engine runs as an ordinary user and gives the payload's number to that user: podman without root. */
  mapsUser: boolean;
  /** The image is the user's own: its files are its toolchain. */
  hasOwnFiles: boolean;
};

/** A mount in the engine's own notation, which is CSV: a path may hold commas and quotes. */
function mount(fields: Readonly<Record<string, string>>, isReadOnly: boolean): string[] {
  const words = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
  const quoted = [...words, ...(isReadOnly ? ["readonly"] : [])].map((word) =>
    /[",\n]/u.test(word) ? `"${word.replaceAll('"', '""')}"` : word,
  );
  return ["--mount", quoted.join(",")];
}

const bind = (source: string, target: string, isReadOnly = true) => mount({ type: "bind", source, target }, isReadOnly);

function tmpfs(engine: EngineName, path: string, { bytes, mode }: { bytes: number; mode: string }): string[] {
  // podman knows no bound of files there; they count as the run's memory.
  const files = engine === "docker" ? `,nr_inodes=${inodesOf(bytes)}` : "";
  return ["--tmpfs", `${path}:rw,exec,nosuid,nodev,mode=${mode},size=${bytes}${files}`];
}

function mounts(
  { base, hasOwnFiles }: ContainerBox,
  request: SandboxRequest,
  dependencyDir: string | undefined,
): string[] {
  const isOwn = (target: string) =>
    target.startsWith("/opt/ossaat/") || /^\/etc\/(?:passwd|group|hosts)$/u.test(target);
  const shown = hasOwnFiles ? base.binds.filter(({ target }) => isOwn(target)) : base.binds;
  const { binds = [], hidden = [], checkout } = request.mounts ?? {};
  const trust = request.egress?.binds ?? [];
  const twice = checkout === undefined ? [] : checkoutLink(base, checkout).map(({ path }) => path);
  return [
    ...shown.flatMap(({ source, target }) => bind(source, target)),
    ...(dependencyDir === undefined ? [] : bind(dependencyDir, "/deps")),
    ...[...binds, ...trust].flatMap(({ source, target }) => bind(source, target)),
    ...hidden.flatMap((path) => bind(base.emptyFile, path)),
    ...(request.cacheDir === undefined ? [] : bind(request.cacheDir, boxCache, false)),
    ...[boxWorkspace, ...twice].flatMap((path) => bind(request.workspaceDir, path, false)),
  ];
}

function bounds({ engine }: ContainerBox, { limits }: SandboxRequest): string[] {
  const { memoryBytes, processes, openFiles, fileBytes } = limits;
  return [
    `--memory=${memoryBytes}`,
    `--memory-swap=${memoryBytes}`,
    `--pids-limit=${processes}`,
    ...[`nofile=${openFiles}:${openFiles}`, `fsize=${fileBytes}:${fileBytes}`, "core=0:0"].map(
      (limit) => `--ulimit=${limit}`,
    ),
    `--shm-size=${devShmBytes}`,
    ...tmpfs(engine, "/tmp", { bytes: limits.tmpBytes, mode: "1777" }),
    ...tmpfs(engine, boxHome, { bytes: limits.tmpBytes, mode: "0777" }),
  ];
}

const isolation = "--ipc=private --read-only --cap-drop=ALL --security-opt=no-new-privileges --init --pull=never";

const { podmanUserProcesses } = engineLimits;
/** podman keeps a log of its own whatever is asked, and gives folders and a variable of its own unless told not to. */
const podmanWords = [
  "--read-only-tmpfs=false",
  "--unsetenv=container",
  `--ulimit=nproc=${podmanUserProcesses}:${podmanUserProcesses}`,
];

/** Words that every container of ours has. */
function isolated({ engine, user, mapsUser }: ContainerBox, labels: Readonly<Record<string, string>>): string[] {
  const { uid, gid } = user;
  return [
    ...isolation.split(" "),
    ...(engine === "podman" ? podmanWords : ["--log-driver=none"]),
    ...(mapsUser ? [`--userns=keep-id:uid=${uid},gid=${gid}`] : []),
    ...Object.entries(labels).map(([name, value]) => `--label=${name}=${value}`),
    `--user=${uid}:${gid}`,
  ];
}

const alone = ["--network=none", "--hostname=box"];

export type CreateOptions = {
  labels: Readonly<Record<string, string>>;
  /** A folder of the host with the links that run is to see at /deps. */
  dependencyDir?: string | undefined;
  /** Id of the container whose network this one shares; left out = it has none. */
  gateId?: string | undefined;
};

/** Arguments of `create`. */
export function createArguments(box: ContainerBox, request: SandboxRequest, options: CreateOptions): string[] {
  const { labels, dependencyDir, gateId } = options;
  const [program = "", ...rest] = request.argv;
  const environment = boxEnvironment(box.base, request);
  return [
    "create",
    ...isolated(box, labels),
    // Who shares a network shares its host name, too.
    ...(gateId === undefined ? alone : [`--network=container:${gateId}`]),
    `--security-opt=seccomp=${box.profile}`,
    ...bounds(box, request),
    ...mounts(box, request, dependencyDir),
    ...Object.entries(environment).flatMap(([name, value]) => ["--env", `${name}=${value}`]),
    `--workdir=${posix.join(boxWorkspace, request.cwd)}`,
    `--entrypoint=${program}`,
    box.image,
    ...rest,
  ];
}

/** What runs in a gate: `argv` with a folder of the host at `folder.target`. */
export type GateProgram = { argv: readonly string[]; folder: ReadOnlyBind };

/** Arguments of `create` for the container that holds the network of another, see `container-gate.ts`. */
export function gateArguments(
  box: ContainerBox,
  { argv, folder }: GateProgram,
  labels: Readonly<Record<string, string>>,
): string[] {
  const [program = "", ...rest] = argv;
  const { memoryBytes, processes, openFiles } = gateLimits;
  return [
    "create",
    ...isolated(box, labels),
    ...alone,
    `--memory=${memoryBytes}`,
    `--memory-swap=${memoryBytes}`,
    `--pids-limit=${processes}`,
    `--ulimit=nofile=${openFiles}:${openFiles}`,
    ...[...box.base.binds, folder].flatMap(({ source, target }) => bind(source, target)),
    `--entrypoint=${program}`,
    box.image,
    ...rest,
  ];
}
