// The bwrap argv of one run: what is mounted, from where, and what the payload's world is.
import { lstat, mkdir, readlink, writeFile } from "node:fs/promises";
import { join, posix } from "node:path";

import { minAddressSpaceBytes } from "./limits.ts";
import type { SandboxRequest } from "./sandbox.ts";
import { findToolchains, systemBinds } from "./toolchains.ts";
import type { HostEnvironment, ReadOnlyBind, SymbolicLink } from "./toolchains.ts";

export const boxWorkspace = "/workspace";
export const boxHome = "/home/agent";
/** Uid and gid inside the box; outside it stays the runner's own, so files keep their owner. */
const boxUid = 10_001;
const devShmBytes = 64 * 1024 * 1024;

/** What stays the same from run to run. */
export type BoxBase = { binds: ReadOnlyBind[]; links: SymbolicLink[]; path: string; env: Record<string, string> };

const etc: Readonly<Record<string, string>> = {
  passwd: `agent:x:${boxUid}:${boxUid}:agent:${boxHome}:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n`,
  group: `agent:x:${boxUid}:\nnogroup:x:65534:\n`,
  hosts: "127.0.0.1 localhost\n::1 localhost\n",
  "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
};

/** Looks at the machine once: system folders, toolchains, and the box's own /etc files in `scratchDir`. */
export async function prepareBox(
  host: HostEnvironment,
  scratchDir: string,
  extraBinds: readonly ReadOnlyBind[],
): Promise<BoxBase> {
  await mkdir(scratchDir, { recursive: true, mode: 0o700 });
  const binds: ReadOnlyBind[] = [];
  const links: SymbolicLink[] = [];
  for (const bind of await systemBinds()) {
    const isTopLink = posix.dirname(bind.source) === "/" && (await lstat(bind.source)).isSymbolicLink();
    if (isTopLink) links.push({ target: await readlink(bind.source), path: bind.target });
    else binds.push(bind);
  }
  for (const [name, text] of Object.entries(etc)) {
    const source = join(scratchDir, name);
    await writeFile(source, text, { mode: 0o644 });
    binds.push({ source, target: `/etc/${name}` });
  }
  const tools = await findToolchains(host, boxHome);
  return {
    binds: [...binds, ...tools.binds, ...extraBinds],
    links: [...links, ...tools.links],
    path: tools.path.join(":"),
    env: tools.env,
  };
}

/** Environment of a payload: built from nothing, the same on every machine but for toolchains. */
export function boxEnvironment(base: Pick<BoxBase, "path" | "env">, request: SandboxRequest): Record<string, string> {
  return {
    PATH: base.path,
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
    ...request.env,
  };
}

/** rlimits the kernel applies to each process; set inside the box, where they cannot be raised. */
export function processLimits(request: SandboxRequest, hasCgroup: boolean): string[] {
  const { limits } = request;
  const always = [`--nofile=${limits.openFiles}`, `--fsize=${limits.fileBytes}`, "--core=0"];
  if (hasCgroup) return always;
  return [...always, `--nproc=${limits.processes}`, `--as=${Math.max(limits.memoryBytes * 2, minAddressSpaceBytes)}`];
}

/** Arguments up to the program to run. */
export function boxArguments(base: BoxBase, request: SandboxRequest, fds: { info: number; block?: number }): string[] {
  const size = String(request.limits.tmpBytes);
  const env = boxEnvironment(base, request);
  const option = (text: string): string[] => text.split(" ");
  return [
    option("--unshare-all --unshare-user --disable-userns --die-with-parent --new-session --clearenv --cap-drop ALL"),
    option(`--uid ${boxUid} --gid ${boxUid} --hostname box --proc /proc --dev /dev`),
    option(`--size ${devShmBytes} --tmpfs /dev/shm --size ${size} --tmpfs /tmp --size ${size} --tmpfs ${boxHome}`),
    base.binds.flatMap(({ source, target }) => ["--ro-bind", source, target]),
    base.links.flatMap(({ target, path }) => ["--symlink", target, path]),
    // The workspace is mounted last and nothing below it: a planted link could redirect a mount point.
    ["--bind", request.workspaceDir, boxWorkspace],
    option("--remount-ro /dev --remount-ro /"),
    Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
    ["--chdir", posix.join(boxWorkspace, request.cwd)],
    option(`--seccomp 3 --info-fd ${fds.info}`),
    fds.block === undefined ? [] : ["--block-fd", String(fds.block)],
    ["--"],
  ].flat();
}
