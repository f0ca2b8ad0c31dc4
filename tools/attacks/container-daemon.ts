// A docker daemon for one run of the attacks, with its own folder, socket and network namespace: it
// touches nothing of the machine's network, and nothing of it stays.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, openSync, readFileSync, readdirSync, rmSync, rmdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export type Daemon = { host: string | undefined; note: string; stop(): Promise<void> };

const startMs = 30_000;
const stopMs = 20_000;
const pauseMs = 100;

function answers(host: string | undefined): boolean {
  const env = host === undefined ? process.env : { ...process.env, DOCKER_HOST: host };
  return spawnSync("docker", ["version", "--format", "{{.Server.Version}}"], { env, stdio: "ignore" }).status === 0;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The groups a daemon leaves below every controller; those in use stay. */
function removeGroups(): void {
  const root = "/sys/fs/cgroup";
  if (!existsSync(root)) return;
  for (const controller of ["", ...readdirSync(root)]) {
    const folder = join(root, controller, "docker");
    if (!existsSync(folder) || !statSync(folder).isDirectory()) continue;
    try {
      rmdirSync(folder);
    } catch (error) {
      if (!["EBUSY", "ENOTEMPTY", "ENOENT"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    }
  }
}

async function stopDaemon(pidFile: string, folder: string): Promise<void> {
  const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, "utf8")) : 0;
  if (pid > 0) {
    if (isRunning(pid)) process.kill(pid, "SIGTERM");
    for (let waited = 0; isRunning(pid) && waited < stopMs; waited += pauseMs) await sleep(pauseMs);
  }
  removeGroups();
  rmSync(folder, { recursive: true, force: true });
}

const nothing = { host: undefined, stop: () => Promise.resolve() };

/** The daemon that is there, or one of our own whose socket the group `gid` may use. */
export async function openDaemon(gid: number): Promise<Daemon> {
  if (spawnSync("docker", ["--version"], { stdio: "ignore" }).error !== undefined) {
    return { ...nothing, note: "no container engine is installed" };
  }
  if (answers(undefined)) return { ...nothing, host: process.env["DOCKER_HOST"], note: "the engine that was running" };
  if (process.getuid?.() !== 0 || spawnSync("dockerd", ["--version"], { stdio: "ignore" }).error !== undefined) {
    return { ...nothing, note: "no container engine is running, and this user can start none" };
  }
  const folder = mkdtempSync(join(tmpdir(), "ossaat-engine-"));
  const at = (name: string) => join(folder, name);
  const host = `unix://${at("docker.sock")}`;
  spawnSync("chmod", ["755", folder]);
  const words = ["--data-root", at("data"), "--exec-root", at("exec"), "--host", host, "--pidfile", at("docker.pid")];
  const log = openSync(at("daemon.log"), "w");
  const args = [...words, "--group", String(gid), "--bridge=none", "--iptables=false"];
  const child = spawn("unshare", ["--net", "--mount", "--propagation", "slave", "dockerd", ...args], {
    stdio: ["ignore", log, log],
    detached: true,
  });
  child.unref();
  const stop = () => stopDaemon(at("docker.pid"), folder);
  for (let waited = 0; waited < startMs && child.exitCode === null; waited += pauseMs) {
    if (answers(host)) return { host, note: "an engine of its own", stop };
    await sleep(pauseMs);
  }
  const tail = readFileSync(at("daemon.log"), "utf8").trim().split("\n").at(-1) ?? "";
  await stop();
  return { ...nothing, note: `the container engine did not start: ${tail}` };
}
