// The bwrap argv of one run: what is mounted, from where, and what the payload's world is.
import { lstat, mkdir, readlink, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";

import { minDataBytes } from "./limits.ts";
import type { SandboxRequest } from "./sandbox.ts";
import { findToolchains, systemBinds } from "./toolchains.ts";
import type { HostEnvironment, ReadOnlyBind, SymbolicLink } from "./toolchains.ts";

export const boxWorkspace = "/workspace";
/** Where a box shows installed dependencies of the user's checkout. */
export const boxDependencies = "/deps";
/** Where a box has its folder for caches of build tools. */
export const boxCache = "/cache";
export const boxHome = "/home/agent";
/** Uid and gid of a payload; see {@link BoxIdentity} for what they are outside. */
export const boxUid = 10_001;
export const devShmBytes = 64 * 1024 * 1024;

/**
 * Who a payload is. `mapped`: the runner's own user under another number, for an ordinary user.
 * `switched`: another user of the machine, for a runner that is root: root under another number
 * would still own /proc/sys and the machine's device files. `mappedRoot`: root under another number
 * after all, where root has too few capabilities to switch; /proc is read-only then.
 */
export type BoxIdentity = "mapped" | "switched" | "mappedRoot";

const mapped = `--unshare-all --unshare-user --disable-userns --cap-drop ALL --uid ${boxUid} --gid ${boxUid}`;
const isolation: Readonly<Record<BoxIdentity, string>> = {
  mapped,
  mappedRoot: mapped,
  // The capabilities are for setpriv alone, which gives them up with everything else.
  switched:
    "--unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup-try --cap-drop ALL --cap-add CAP_SETUID --cap-add CAP_SETGID --cap-add CAP_SETPCAP --cap-add CAP_DAC_READ_SEARCH",
};

/** The same for a box that is started inside a network namespace of its own, see `enter-namespace.ts`. */
const isolationInNamespace: Readonly<Record<BoxIdentity, string>> = {
  mapped: mapped.replace("--unshare-all", "--unshare-all --share-net"),
  mappedRoot: mapped.replace("--unshare-all", "--unshare-all --share-net"),
  switched: isolation.switched.replace("--unshare-net ", ""),
};

/** The words in front of a program that turn root into the box's user, with no way back. */
export function switchUser(setpriv: string): string[] {
  const words = `--reuid ${boxUid} --regid ${boxUid} --clear-groups --inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs --`;
  return [setpriv, ...words.split(" ")];
}

/** What stays the same from run to run. */
export type BoxBase = {
  binds: readonly ReadOnlyBind[];
  links: readonly SymbolicLink[];
  path: string;
  env: Record<string, string>;
  /** An empty file of the host, for what is to appear empty. */
  emptyFile: string;
};

export type SystemBase = Pick<BoxBase, "binds" | "links" | "emptyFile">;

const etcFiles = (uid: number, gid: number): Readonly<Record<string, string>> => ({
  passwd: `agent:x:${uid}:${gid}:agent:${boxHome}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n`,
  group: `agent:x:${gid}:\nnogroup:x:65534:\n`,
  hosts: "127.0.0.1 localhost\n::1 localhost\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
});

export type BoxPlace = {
  /** Folder for the box's own files; owner-only. */
  scratchDir: string;
  extraBinds: readonly ReadOnlyBind[];
  /** Who the payload is in the box. */
  user?: { uid: number; gid: number };
};

/** What of a box stays as it is while the runner lives: system folders, and its own /etc files in the scratch folder. */
export async function prepareSystem({
  scratchDir,
  extraBinds,
  user = { uid: boxUid, gid: boxUid },
}: BoxPlace): Promise<SystemBase> {
  await mkdir(scratchDir, { recursive: true, mode: 0o700 });
  const binds: ReadOnlyBind[] = [];
  const links: SymbolicLink[] = [];
  for (const bind of await systemBinds()) {
    const isTopLink = posix.dirname(bind.source) === "/" && (await lstat(bind.source)).isSymbolicLink();
    if (isTopLink) links.push({ target: await readlink(bind.source), path: bind.target });
    else binds.push(bind);
  }
  for (const [name, text] of Object.entries(etcFiles(user.uid, user.gid))) {
    const source = join(scratchDir, name);
    await writeFile(source, text, { mode: 0o644 });
    binds.push({ source, target: `/etc/${name}` });
  }
  const emptyFile = join(scratchDir, "empty");
  await writeFile(emptyFile, "", { mode: 0o644 });
  return { binds: [...binds, ...extraBinds], links, emptyFile };
}

/** Adds the toolchains, looked for each time: a user installs one, or first fills its folder, at any moment. */
export async function withToolchains(system: SystemBase, host: HostEnvironment): Promise<BoxBase> {
  const tools = await findToolchains(host, boxHome);
  return {
    binds: [...system.binds, ...tools.binds],
    links: [...system.links, ...tools.links],
    path: tools.path.join(":"),
    env: tools.env,
    emptyFile: system.emptyFile,
  };
}

/** Environment of a payload: built from nothing, the same on every machine but for toolchains. */
export function boxEnvironment(base: Pick<BoxBase, "path" | "env">, request: SandboxRequest): Record<string, string> {
  return {
    PATH: [...(request.mounts?.path ?? []), base.path].join(":"),
    HOME: boxHome,
    USER: "agent",
    LANG: "C.UTF-8",
    TERM: "dumb",
    TMPDIR: "/tmp",
    CI: "true",
    NO_COLOR: "1",
    PYTHONDONTWRITEBYTECODE: "1",
    npm_config_update_notifier: "false",
    npm_config_offline: "true",
    ...base.env,
    ...request.mounts?.env,
    ...request.env,
  };
}

/** rlimits the kernel applies to each process; set inside the box, where they cannot be raised. */
export function processLimits(request: SandboxRequest, hasCgroup: boolean): string[] {
  const { limits } = request;
  const always = [`--nofile=${limits.openFiles}`, `--fsize=${limits.fileBytes}`, "--core=0"];
  if (hasCgroup) return always;
  return [...always, `--nproc=${limits.processes}`, `--data=${Math.max(limits.memoryBytes, minDataBytes)}`];
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** The link that gives the workspace the checkout's own name, unless that name is taken by a mount. */
export function checkoutLink(base: BoxBase, checkout: string): SymbolicLink[] {
  const taken = ["/proc", "/dev", boxWorkspace, boxDependencies, boxCache];
  taken.push(...base.binds.map(({ target }) => target), ...base.links.map(({ path }) => path));
  const isFree = taken.every((path) => !isBelow(checkout, path) && !isBelow(path, checkout));
  const isAbove = ["/tmp", boxHome].some((folder) => isBelow(folder, checkout));
  return isFree && !isAbove && checkout !== "/" ? [{ target: boxWorkspace, path: checkout }] : [];
}

/** What one run gets: the base with the run's own mounts. */
function withMounts(machine: BoxBase, { mounts, egress }: SandboxRequest): BoxBase {
  const base = egress === undefined ? machine : { ...machine, binds: [...machine.binds, ...egress.binds] };
  if (mounts === undefined) return base;
  const links = [...base.links, ...mounts.links, ...checkoutLink(base, mounts.checkout)];
  return { ...base, binds: [...base.binds, ...mounts.binds], links };
}

/**
 * Folders that lead to a mount. bwrap would make them for their owner alone, which is root when
 * the runner is; below the private home they are the payload's to write.
 */
function parentFolders(base: BoxBase): string[] {
  const parents = new Set<string>();
  for (const path of [...base.binds.map(({ target }) => target), ...base.links.map(({ path }) => path)]) {
    const names = path.split("/").slice(1, -1);
    names.forEach((_name, index) => parents.add(`/${names.slice(0, index + 1).join("/")}`));
  }
  const isMade = (path: string) =>
    path === "/tmp" || isBelow(boxHome, path) || base.binds.some(({ target }) => isBelow(path, target));
  return [...parents].filter((path) => !isMade(path)).sort();
}

/** Arguments up to the program to run. */
export function boxArguments(
  machine: BoxBase,
  request: SandboxRequest,
  how: { identity: BoxIdentity; statusFd: number; blockFd?: number },
): string[] {
  const base = withMounts(machine, request);
  const identity = request.egress === undefined ? isolation : isolationInNamespace;
  const size = String(request.limits.tmpBytes);
  const env = boxEnvironment(base, request);
  const option = (text: string): string[] => text.split(" ");
  const folder = (mode: string, bytes: number | string, path: string): string[] =>
    option(`--perms ${mode} --size ${bytes} --tmpfs ${path}`);
  return [
    option(`${identity[how.identity]} --die-with-parent --new-session --clearenv --hostname box`),
    option("--proc /proc --dev /dev"),
    folder("1777", devShmBytes, "/dev/shm"),
    folder("1777", size, "/tmp"),
    folder("0777", size, boxHome),
    parentFolders(base).flatMap((path) => ["--perms", path.startsWith(boxHome) ? "0777" : "0755", "--dir", path]),
    base.binds.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    base.links.flatMap(({ target, path }) => ["--symlink", target, path]),
    (request.mounts?.hidden ?? []).flatMap((path) => ["--ro-bind", base.emptyFile, path]),
    request.cacheDir === undefined ? [] : ["--bind", request.cacheDir, boxCache],
    // The workspace is mounted last and nothing below it: a planted link could redirect a mount point.
    ["--bind", request.workspaceDir, boxWorkspace],
    option("--remount-ro /dev --remount-ro /"),
    // Root owns the kernel's settings. Device files would be unusable on such a mount.
    how.identity === "mappedRoot" ? ["--remount-ro", "/proc"] : [],
    Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
    ["--chdir", posix.join(boxWorkspace, request.cwd)],
    option(`--seccomp 3 --json-status-fd ${how.statusFd}`),
    how.blockFd === undefined ? [] : ["--block-fd", String(how.blockFd)],
    ["--"],
  ].flat();
}
