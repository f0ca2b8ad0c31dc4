// Tries the box for real and says in words what is missing and what mends it.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";

import type { BoxIdentity } from "../box-arguments.ts";
import type { CgroupBase } from "../cgroup.ts";
import { defaultSandboxLimits } from "../limits.ts";
import type { SandboxProbe, SandboxRequest, SandboxResult } from "../sandbox.ts";

/** Kernel switches that forbid unprivileged namespaces, and the value that allows them. */
const switches = [
  { file: "/proc/sys/kernel/unprivileged_userns_clone", bad: "0", fix: "sysctl -w kernel.unprivileged_userns_clone=1" },
  { file: "/proc/sys/user/max_user_namespaces", bad: "0", fix: "sysctl -w user.max_user_namespaces=15000" },
  {
    file: "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    bad: "1",
    fix: "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0",
  },
];

async function namespaceFix(): Promise<string> {
  for (const { file, bad, fix } of switches) {
    const value = await readFile(file, "utf8").catch(() => "");
    if (value.trim() === bad) return fix;
  }
  return "In a container, allow user namespaces: a seccomp profile that permits them and --security-opt systempaths=unconfined";
}

type Usable = { bwrap: string; cgroup: CgroupBase | undefined; identity: BoxIdentity };
type Found = { failure: AgentError } | Usable;
type Probe = { run: (request: SandboxRequest) => Promise<SandboxResult>; scratchDir: string };

function unusable(detail: string, fix: unknown): SandboxProbe {
  return { usable: false, driver: "bubblewrap", detail, ...(typeof fix === "string" ? { fix } : {}) };
}

/** Runs `true` in a box and reports. */
export async function probeBox(found: Found, { run, scratchDir }: Probe): Promise<SandboxProbe> {
  if ("failure" in found) return unusable(found.failure.message, found.failure.details["next"]);
  const workspaceDir = join(scratchDir, "probe");
  await mkdir(workspaceDir, { recursive: true });
  let output = "";
  const onOutput = (_channel: string, data: Buffer): void => {
    output += data.toString("utf8", 0, 2_000);
  };
  const request = { argv: ["true"], cwd: ".", workspaceDir, env: {}, limits: defaultSandboxLimits, onOutput };
  try {
    const result = await run(request);
    if (result.exitCode === 0) return { usable: true, driver: "bubblewrap", detail: describe(found) };
    return unusable(`A trial run in the sandbox ended with ${result.exitCode ?? result.signal}: ${output}`, undefined);
  } catch (error) {
    const failure = AgentError.from(error);
    return unusable(failure.message, await namespaceFix());
  }
}

function describe({ bwrap, cgroup, identity }: Usable): string {
  const limits =
    cgroup === undefined
      ? "limits by rlimit (memory is bounded per process only; no control group can be made here)"
      : `limits by control group v${cgroup.version}`;
  const user =
    identity === "mappedRoot"
      ? "; commands stay root's, who lacks the capabilities to run them as another user: a server of an ordinary user holds them better"
      : "";
  return `${bwrap}: namespaces, system call filter, no network, ${limits}${user}`;
}
