// What keeps an agent's commands in a box: the driver, tried for real, and what it stands on.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import type { Config } from "../config.ts";
import { ask } from "./check-machine.ts";
import { fail, isAtLeast, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { leastVersions } from "./limits.ts";

type Settings = Pick<Config, "sandboxDriver" | "sandboxImage">;

async function checkDriver({ sandboxDriver, sandboxImage }: Settings): Promise<Finding> {
  const { openToolRunner } = await import("@ossaat/tool-runner");
  const stateDir = mkdtempSync(path.join(os.tmpdir(), "ossaat-doctor-"));
  const logger = { warn: () => undefined, error: () => undefined, info: () => undefined };
  const rules = { sandbox: sandboxDriver, isSandboxRequired: true, image: sandboxImage };
  const nothingRuns = { treeGib: undefined, treeFiles: undefined, secrets: undefined };
  const { runner } = await openToolRunner({ ...rules, ...nothingRuns }, { stateDir, logger });
  try {
    const { sandbox } = await runner.health();
    if (sandbox.driver !== "unavailable") return ok("sandbox", `${sandbox.driver}: ${sandbox.detail}`);
    return fail(
      "sandbox",
      `${sandbox.detail} Runs are refused without it.`,
      sandbox.fix ?? "apt-get install -y bubblewrap",
    );
  } finally {
    await runner.close();
    rmSync(stateDir, { recursive: true, force: true });
  }
}

/** Patches of the distribution do not show in the version: the package's own number is named too. */
async function checkBubblewrap(): Promise<Finding[]> {
  const text = await ask("bwrap", ["--version"]);
  if (text === undefined) return [];
  const version = /\d+(?:\.\d+)+/.exec(text)?.[0] ?? "0";
  const id = "bubblewrap";
  if (isAtLeast(version, leastVersions.bubblewrap)) return [ok(id, version)];
  const packaged = await ask("dpkg-query", ["-W", "-f", "${Version}", "bubblewrap"]);
  const known = packaged === undefined || packaged === "" ? version : `${version} (package ${packaged})`;
  const message = `${known} is older than ${leastVersions.bubblewrap}, which fixes CVE-2026-87766. ossaat mounts nothing below what an agent can write, which that fault needs.`;
  return [warn(id, message, "apt-get update && apt-get install -y bubblewrap")];
}

function readSetting(file: string): string | undefined {
  return existsSync(file) ? readFileSync(file, "utf8").trim() : undefined;
}

/** What an ordinary user needs; root makes a box without user namespaces. */
function checkNamespaces(): Finding {
  const id = "user namespaces";
  const blocks = [
    ["/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"],
    ["/proc/sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=10000"],
    [
      "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
      "1",
      "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or give bwrap an AppArmor profile",
    ],
  ] as const;
  const block = blocks.find(([file, value]) => readSetting(file) === value);
  if (block === undefined) return ok(id, "allowed");
  return warn(id, `${path.basename(block[0])} is ${block[1]}: an ordinary user's box may not start.`, block[2]);
}

function checkSeccomp(): Finding {
  const actions = readSetting("/proc/sys/kernel/seccomp/actions_avail");
  if (actions?.includes("errno") === true) return ok("seccomp", "filters of system calls are available");
  return fail("seccomp", "The kernel has no system call filters.", "boot a kernel with CONFIG_SECCOMP_FILTER");
}

function checkCgroups(): Finding {
  const version = existsSync("/sys/fs/cgroup/cgroup.controllers") ? 2 : existsSync("/sys/fs/cgroup/memory") ? 1 : 0;
  if (version > 0) return ok("control groups", `version ${version}`);
  const message = "There are none: memory and processes are limited for each process alone.";
  return warn("control groups", message, "mount -t cgroup2 none /sys/fs/cgroup");
}

export async function checkSandbox(settings: Settings): Promise<Finding[]> {
  return [await checkDriver(settings), ...(await checkBubblewrap()), checkNamespaces(), checkSeccomp(), checkCgroups()];
}
