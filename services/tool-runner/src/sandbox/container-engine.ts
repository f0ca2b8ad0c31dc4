// Calls of a container engine's command line: docker, or podman, which takes the same words.
import { execFile, spawn } from "node:child_process";

import { AgentError } from "@ossaat/contracts";

import { findProgram } from "./find-program.ts";
import { engineLimits } from "./limits.ts";
import type { HostEnvironment } from "./toolchains.ts";

export type EngineName = "docker" | "podman";

export type ContainerEngine = {
  name: EngineName;
  program: string;
  /** All of the environment its command line gets. */
  env: Readonly<Record<string, string>>;
};

export type EngineAnswer = { code: number; stdout: string; stderr: string };

/** The first engine on the PATH. `settings` are variables that say where its daemon is. */
export async function findEngine(
  { path, home }: HostEnvironment,
  settings: Readonly<Record<string, string>>,
): Promise<ContainerEngine | undefined> {
  for (const name of ["docker", "podman"] as const) {
    const program = await findProgram(path, name);
    if (program !== undefined)
      return { name, program, env: { PATH: `${path}:/usr/sbin:/sbin`, HOME: home, ...settings } };
  }
  return undefined;
}

/** Runs one command to its end; its exit code is an answer. @throws AgentError unavailable when it does not start or hangs */
export function callEngine(engine: ContainerEngine, args: readonly string[], input?: Buffer): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    const options = { env: engine.env, cwd: "/", timeout: engineLimits.callMs, maxBuffer: engineLimits.answerBytes };
    const child = execFile(engine.program, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === "number") return resolve({ code, stdout, stderr });
      reject(new AgentError("unavailable", `${engine.name} ${args[0] ?? ""} did not answer.`, { cause: error }));
    });
    child.stdin?.on("error", () => child.stdin?.destroy());
    child.stdin?.end(input ?? "");
  });
}

/** The answer's text. @throws AgentError unavailable with the engine's own words */
export async function askEngine(engine: ContainerEngine, args: readonly string[], input?: Buffer): Promise<string> {
  const { code, stdout, stderr } = await callEngine(engine, args, input);
  if (code === 0) return stdout.trim();
  throw new AgentError("unavailable", `${engine.name} ${args[0] ?? ""} failed: ${lastLine(stderr)}`, {
    details: { next: `${engine.name} info` },
  });
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.slice(0, 300) ?? "";
}

/**
 * Removes the container when this process ends without having called the returned function: an engine
 * does not end a container with the one who asked for it.
 */
export function guardContainer({ program, env }: ContainerEngine, id: string): () => void {
  const script = 'read -r word || exec "$0" rm --force "$1"';
  const guard = spawn("/bin/sh", ["-c", script, program, id], {
    env: { ...env },
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  guard.unref();
  // It waits for a word that this process may be too late to send.
  guard.on("error", () => undefined);
  guard.stdin.on("error", () => undefined);
  return () => void guard.stdin.end("done\n");
}
