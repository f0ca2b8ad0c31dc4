// What a command in the sandbox costs, against bubblewrap alone with the least that isolates.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readlinkSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";

import { createBubblewrapSandbox } from "../../services/tool-runner/src/sandbox/adapters/bubblewrap.ts";
import { defaultSandboxLimits } from "../../services/tool-runner/src/sandbox/limits.ts";
import type { Sandbox } from "../../services/tool-runner/src/sandbox/sandbox.ts";
import { interleave, toResult } from "./measure.ts";
import type { Result } from "./measure.ts";
import type { Bench } from "./report.ts";

const rounds = 25;

/** The system read-only, a work folder, own namespaces: no filter, no limits, no toolchains. */
function bareArguments(workspaceDir: string): string[] {
  const system = ["/usr", "/bin", "/lib", "/lib64", "/sbin"].filter((name) => existsSync(name));
  const mounts = system.flatMap((name) =>
    lstatSync(name).isSymbolicLink() ? ["--symlink", readlinkSync(name), name] : ["--ro-bind", name, name],
  );
  const rest = "--proc /proc --dev /dev --tmpfs /tmp --unshare-all --die-with-parent --new-session --clearenv";
  return [...mounts, ...rest.split(" "), "--bind", workspaceDir, "/workspace", "--chdir", "/workspace", "true"];
}

async function timeBare(workspaceDir: string): Promise<number> {
  const start = performance.now();
  const child = spawn("bwrap", bareArguments(workspaceDir), { stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.resume();
  child.stderr.resume();
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`bubblewrap alone ended with ${code}`);
  return performance.now() - start;
}

async function timeOurs(sandbox: Sandbox, workspaceDir: string): Promise<number> {
  const start = performance.now();
  const request = { argv: ["true"], cwd: ".", workspaceDir, env: {}, limits: defaultSandboxLimits };
  const { exitCode } = await sandbox.run({ ...request, onOutput: () => undefined });
  if (exitCode !== 0) throw new Error(`the box ended with ${exitCode}`);
  return performance.now() - start;
}

async function run(): Promise<Result[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-bench-"));
  const workspaceDir = path.join(folder, "work");
  mkdirSync(workspaceDir);
  const sandbox = createBubblewrapSandbox({
    host: { path: process.env["PATH"] ?? "", home: homedir(), execPath: process.execPath },
    arch: process.arch,
    scratchDir: path.join(folder, "box"),
  });
  try {
    const { usable, detail } = await sandbox.probe();
    if (!usable) throw new Error(`there is no sandbox on this machine: ${detail}`);
    const series = await interleave(
      rounds,
      () => timeOurs(sandbox, workspaceDir),
      () => timeBare(workspaceDir),
    );
    const goal = { of: "ratio", relation: "≤", limit: 3 } as const;
    return [toResult({ id: "sandbox.true", unit: "ms", goal, baselineName: "bwrap with the least flags" }, series)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const sandboxStart: Bench = { ids: ["sandbox.true"], run };
