// Tries a container for real: that it starts, and that what it writes belongs to who will read it.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";

import type { EngineName } from "../container-engine.ts";
import { defaultSandboxLimits } from "../limits.ts";
import type { SandboxProbe, SandboxRequest, SandboxResult } from "../sandbox.ts";

type Probe = { run: (request: SandboxRequest) => Promise<SandboxResult>; scratchDir: string };

function unusable(detail: string, fix: unknown): SandboxProbe {
  return { usable: false, driver: "container", detail, ...(typeof fix === "string" ? { fix } : {}) };
}

type Usable = { engine: EngineName; /** The user's own. */ image?: string };

/** Writes a file in a container and reports. */
export async function probeContainer(
  found: Usable | { failure: AgentError },
  { run, scratchDir }: Probe,
): Promise<SandboxProbe> {
  if ("failure" in found) return unusable(found.failure.message, found.failure.details["next"]);
  const workspaceDir = join(scratchDir, "probe");
  await mkdir(workspaceDir, { recursive: true });
  let output = "";
  const onOutput = (_channel: string, data: Buffer): void => {
    output += data.toString("utf8", 0, 2_000);
  };
  const argv = ["sh", "-c", "echo > written"];
  try {
    const result = await run({ argv, cwd: ".", workspaceDir, env: {}, limits: defaultSandboxLimits, onOutput });
    await rm(join(workspaceDir, "written"), { force: true });
    if (result.exitCode === 0) return { usable: true, driver: "container", detail: describe(found) };
    const user = "the engine may map users, as a rootless docker does: its root is then the user";
    return unusable(
      `A trial run in a container ended with ${result.exitCode ?? result.signal}: ${output} (${user})`,
      undefined,
    );
  } catch (error) {
    const { message, details } = AgentError.from(error);
    return unusable(message, details["next"]);
  }
}

function describe({ engine, image }: Usable): string {
  const files = image === undefined ? "this machine's own files, read-only" : `files of the image ${image}`;
  return `${engine}: one container a command, system call filter, no network, limits by control group, ${files}`;
}
