// The only reader of the process environment.
import { homedir } from "node:os";
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";
import { z } from "zod";

import type { HostEnvironment } from "./sandbox/toolchains.ts";

/** What the runner may know of its machine: where programs are, never a value that could be a secret. */
export function readHostEnvironment(env: NodeJS.ProcessEnv = process.env): HostEnvironment {
  return { path: env["PATH"] ?? "/usr/bin:/bin", home: env["HOME"] ?? homedir(), execPath: process.execPath };
}

const Environment = z.object({
  /** Where the runner listens: unix:/path or a port of the loopback interface. */
  OSSAAT_RUNNER_ADDRESS: z.string().min(1).optional(),
  /** What callers must bring; required when the address is a port. */
  OSSAAT_RUNNER_TOKEN: z.string().min(1).optional(),
  /** Folder of working trees, logs and results. */
  OSSAAT_RUNNER_STATE_DIR: z.string().min(1).optional(),
  /** `none` runs commands without isolation; every result says so. */
  OSSAAT_RUNNER_SANDBOX: z.enum(["bubblewrap", "none"]).default("bubblewrap"),
  OSSAAT_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
});

/** Settings of a runner in a process of its own. */
export type RunnerConfig = {
  address: string;
  token?: string;
  stateDir: string;
  sandbox: "bubblewrap" | "none";
  logLevel: "debug" | "info" | "warn" | "error";
};

/** @throws AgentError invalid_input for a setting that is none */
export function readConfig(env: NodeJS.ProcessEnv = process.env): RunnerConfig {
  const read = Environment.safeParse(env);
  if (!read.success) {
    throw new AgentError("invalid_input", `The environment is not valid: ${z.prettifyError(read.error)}`);
  }
  const state = env["XDG_STATE_HOME"] ?? join(env["HOME"] ?? homedir(), ".local", "state");
  const token = read.data.OSSAAT_RUNNER_TOKEN;
  // A folder of its own, so that it can be made for its owner alone.
  const runDir = env["XDG_RUNTIME_DIR"] ?? join(state, "ossaat");
  return {
    address: read.data.OSSAAT_RUNNER_ADDRESS ?? `unix:${join(runDir, "ossaat-runner", "runner.sock")}`,
    ...(token === undefined ? {} : { token }),
    stateDir: read.data.OSSAAT_RUNNER_STATE_DIR ?? join(state, "ossaat", "runner"),
    sandbox: read.data.OSSAAT_RUNNER_SANDBOX,
    logLevel: read.data.OSSAAT_LOG_LEVEL,
  };
}
