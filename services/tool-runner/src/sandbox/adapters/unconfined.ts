// Runs commands WITHOUT isolation, for --dangerously-no-sandbox. Still: no inherited
// environment, an argv array, limits, and the process group is ended. Every result says so.
import { mkdir, realpath } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";

import { AgentError } from "@ossaat/contracts";

import { boxEnvironment, processLimits } from "../box-arguments.ts";
import { findProgram } from "../find-program.ts";
import { runProcess } from "../run-process.ts";
import type { Sandbox, SandboxRequest, SandboxResult } from "../sandbox.ts";
import type { HostEnvironment } from "../toolchains.ts";

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function resolveCwd(request: SandboxRequest): Promise<string> {
  const root = await realpath(request.workspaceDir);
  const cwd = await realpath(join(root, request.cwd)).catch(() => {
    throw new AgentError("invalid_input", `The folder ${request.cwd} does not exist.`);
  });
  if (cwd === root || cwd.startsWith(`${root}/`)) return cwd;
  throw new AgentError("invalid_input", `The folder ${request.cwd} leads out of the workspace.`);
}

/** Makes the driver. `scratchDir` holds the private home folder and temporary files. */
export function createUnconfinedRunner(options: { host: HostEnvironment; scratchDir: string }): Sandbox {
  const { host, scratchDir } = options;

  async function run(request: SandboxRequest): Promise<SandboxResult> {
    const home = join(scratchDir, "home");
    await mkdir(home, { recursive: true, mode: 0o700 });
    // Our own Node first, as in a box: the machine's may be another version.
    const folders = [dirname(host.execPath), ...host.path.split(delimiter), "/usr/bin", "/bin"];
    const path = [...new Set(folders)].join(delimiter);
    const env = { ...boxEnvironment({ path, env: {} }, request), HOME: home, TMPDIR: home };
    const prlimit = await findProgram("/usr/bin", "prlimit");
    // Without namespaces a process limit would count the user's own programs, so it is left out.
    const limits = prlimit === undefined ? [] : [prlimit, ...processLimits(request, true), "--"];
    const [command, ...args] = [...limits, ...request.argv];
    const result = await runProcess(
      {
        command: command ?? "",
        args,
        cwd: await resolveCwd(request),
        env,
        kill: (child) => killGroup(child.pid),
      },
      request,
    );
    return {
      exitCode: result.exitCode,
      ...(result.signal === null ? {} : { signal: result.signal }),
      timedOut: result.timedOut,
      cancelled: result.cancelled,
      ...(result.outputExceeded ? { limitHit: "output" as const } : {}),
      ...(result.outputCut ? { outputCut: true as const } : {}),
      seconds: result.seconds,
      unsandboxed: true,
    };
  }

  return {
    driver: "none",
    egress: "uncontrolled",
    workspacePath: (workspaceDir) => workspaceDir,
    probe: () =>
      Promise.resolve({
        usable: true,
        driver: "none",
        detail: "Commands run WITHOUT isolation, with your user's rights. Start without --dangerously-no-sandbox.",
      }),
    run,
  };
}
