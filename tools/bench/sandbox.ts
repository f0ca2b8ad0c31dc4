// What a command in the sandbox costs, against the same command without one.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";

import { createBubblewrapSandbox } from "../../services/tool-runner/src/sandbox/adapters/bubblewrap.ts";
import { defaultSandboxLimits } from "../../services/tool-runner/src/sandbox/limits.ts";
import { compare } from "./measure.ts";
import type { Figure } from "./measure.ts";

/** Undefined where this machine has no sandbox. */
export async function benchSandbox(): Promise<Figure | undefined> {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-bench-"));
  const workspaceDir = path.join(folder, "work");
  mkdirSync(workspaceDir);
  const sandbox = createBubblewrapSandbox({
    host: { path: process.env["PATH"] ?? "", home: homedir(), execPath: process.execPath },
    arch: process.arch,
    scratchDir: path.join(folder, "box"),
  });
  try {
    if (!(await sandbox.probe()).usable) return undefined;
    return await compare({
      name: "sandbox.true",
      unit: "ms",
      baselineName: "spawn of /bin/true",
      goal: { better: "lower", ratio: 15 },
      rounds: 15,
      measureOurs: async () => {
        const start = performance.now();
        const request = { argv: ["true"], cwd: ".", workspaceDir, env: {}, limits: defaultSandboxLimits };
        const { exitCode } = await sandbox.run({ ...request, onOutput: () => undefined });
        if (exitCode !== 0) throw new Error(`the box ended with ${exitCode}`);
        return performance.now() - start;
      },
      measureBaseline: () => {
        const start = performance.now();
        spawnSync("/bin/true");
        return performance.now() - start;
      },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
