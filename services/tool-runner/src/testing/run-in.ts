// One run of a driver as tests need it: to its end, with what it printed.
import { defaultSandboxLimits } from "../sandbox/limits.ts";
import type { Sandbox, SandboxLimits, SandboxRequest, SandboxResult } from "../sandbox/sandbox.ts";

export type Run = SandboxResult & { stdout: string; stderr: string };

export type RunOptions = Partial<Omit<SandboxRequest, "argv" | "workspaceDir" | "limits">> & {
  limits?: Partial<SandboxLimits>;
};

/** Runs a program of `workspaceDir` to its end and keeps what it printed. */
export async function runIn(sandbox: Sandbox, workspaceDir: string, argv: string[], options: RunOptions = {}) {
  const output = { stdout: "", stderr: "" };
  const result = await sandbox.run({
    cwd: ".",
    env: {},
    onOutput: (channel, data) => {
      output[channel] += data.toString("utf8");
    },
    ...options,
    argv,
    workspaceDir,
    limits: { ...defaultSandboxLimits, wallMs: 20_000, ...options.limits },
  });
  return { ...result, ...output } satisfies Run;
}
