// The only reader of the process environment.
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { AgentError, invalidEnvironment } from "@ossaat/contracts";
import { readServerTlsSettings } from "@ossaat/contracts/grpc";
import type { ServerTlsSettings } from "@ossaat/contracts/grpc";
import { readTracingSettings } from "@ossaat/telemetry";
import type { TracingSettings } from "@ossaat/telemetry";
import { z } from "zod";

import type { RunnerRules } from "./open-tool-runner.ts";
import type { HostEnvironment } from "./sandbox/toolchains.ts";

/** What the runner may know of its machine: where programs are, never a value that could be a secret. */
export function readHostEnvironment(env: NodeJS.ProcessEnv = process.env): HostEnvironment {
  return { path: env["PATH"] ?? "/usr/bin:/bin", home: env["HOME"] ?? homedir(), execPath: process.execPath };
}

const engineVariables = ["DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "XDG_RUNTIME_DIR"] as const;

/** Where a container engine's daemon is; only its command line sees it, never a box. */
export function readEngineEnvironment(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const set = engineVariables.map((name) => [name, env[name]] as const);
  return Object.fromEntries(
    set.filter((entry): entry is readonly [(typeof engineVariables)[number], string] => entry[1] !== undefined),
  );
}

function numberAsText(fits: (value: number) => boolean, error: string) {
  return z
    .string()
    .refine((value) => value.trim() !== "" && fits(Number(value)), { error })
    .transform(Number);
}

const Environment = z.object({
  /** Where the runner listens: unix:/path or a port of the loopback interface; with certificates any host:port. */
  OSSAAT_RUNNER_ADDRESS: z.string().min(1).optional(),
  /** What callers must bring; required when the address is a port and no certificates are set. */
  OSSAAT_RUNNER_TOKEN: z.string().min(1).optional(),
  /** Folder of working trees, logs and results. */
  OSSAAT_RUNNER_STATE_DIR: z.string().min(1).optional(),
  /** `auto` = bubblewrap, a container where it is missing. `none` runs commands without isolation; every result says so. */
  OSSAAT_RUNNER_SANDBOX: z
    .enum(["auto", "bubblewrap", "container", "none"], "must be auto, bubblewrap, container or none")
    .default("auto"),
  /** Image whose files a container has; left out = the machine's own. */
  OSSAAT_RUNNER_IMAGE: z.string().min(1).optional(),
  /** Refuse to start with the sandbox `none`; run mode enterprise does so whatever this says. */
  OSSAAT_SANDBOX_REQUIRED: z.enum(["true", "false", "1", "0"], "must be true or false").default("false"),
  OSSAAT_RUN_MODE: z.enum(["consumer", "enterprise"], "must be consumer or enterprise").optional(),
  /** What the working tree of a step and its build cache may take on the disk, GiB. */
  OSSAAT_TREE_GIB: numberAsText((value) => Number.isFinite(value) && value > 0, "must be a number above 0").optional(),
  /** How many files and folders they may hold. */
  OSSAAT_TREE_FILES: numberAsText(
    (value) => Number.isInteger(value) && value >= 1 && value <= 4_000_000,
    "must be a whole number from 1 to 4000000",
  ).optional(),
  /** File with the secrets that steps may name, its owner's alone; left out = there are none. */
  OSSAAT_RUNNER_SECRETS_FILE: z.string().min(1).optional(),
  /** Port of the loopback interface that answers scrapes of `/metrics`, 0 = a free one; left out = none. */
  OSSAAT_RUNNER_METRICS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  OSSAAT_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"], "must be debug, info, warn or error").default("info"),
});

/** Settings of a runner in a process of its own. */
export type RunnerConfig = {
  address: string;
  token?: string;
  /** From `OSSAAT_RUNNER_TLS_CERT`, `_KEY`, `_CA` (PEM files) and `_CALLERS` (names it lets in, by commas). */
  tls?: ServerTlsSettings;
  stateDir: string;
  rules: Omit<RunnerRules, "secrets">;
  secretsFile?: string;
  metricsPort?: number;
  /** By OpenTelemetry's own variables. */
  tracing: TracingSettings;
  logLevel: "debug" | "info" | "warn" | "error";
};

function rulesOf(values: z.output<typeof Environment>): RunnerConfig["rules"] {
  const { OSSAAT_RUN_MODE: runMode, OSSAAT_SANDBOX_REQUIRED: required } = values;
  return {
    sandbox: values.OSSAAT_RUNNER_SANDBOX,
    isSandboxRequired: runMode === "enterprise" || ["true", "1"].includes(required),
    image: values.OSSAAT_RUNNER_IMAGE,
    treeGib: values.OSSAAT_TREE_GIB,
    treeFiles: values.OSSAAT_TREE_FILES,
  };
}

/** A file that somebody named must be there: a wrong path must not mean "no secrets". */
function checkFile(file: string): string {
  if (existsSync(file)) return file;
  throw new AgentError("invalid_input", `OSSAAT_RUNNER_SECRETS_FILE names ${file}, which is not there.`, {
    details: { next: "make the file, its owner's alone, or leave the variable out" },
  });
}

/** A variable that an entry of the secrets file names. */
export function readVariable(name: string, env: NodeJS.ProcessEnv = process.env): string | undefined {
  return env[name];
}

/** @throws AgentError invalid_input for a setting that is none */
export function readConfig(env: NodeJS.ProcessEnv = process.env): RunnerConfig {
  const read = Environment.safeParse(env);
  if (!read.success) {
    throw invalidEnvironment(read.error);
  }
  const state = env["XDG_STATE_HOME"] ?? join(env["HOME"] ?? homedir(), ".local", "state");
  const {
    OSSAAT_RUNNER_TOKEN: token,
    OSSAAT_RUNNER_METRICS_PORT: metricsPort,
    OSSAAT_RUNNER_SECRETS_FILE: secretsFile,
  } = read.data;
  const tls = readServerTlsSettings(env, "OSSAAT_RUNNER");
  // A folder of its own, so that it can be made for its owner alone.
  const runDir = env["XDG_RUNTIME_DIR"] ?? join(state, "ossaat");
  return {
    address: read.data.OSSAAT_RUNNER_ADDRESS ?? `unix:${join(runDir, "ossaat-runner", "runner.sock")}`,
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined ? {} : { tls }),
    stateDir: read.data.OSSAAT_RUNNER_STATE_DIR ?? join(state, "ossaat", "runner"),
    rules: rulesOf(read.data),
    ...(secretsFile === undefined ? {} : { secretsFile: checkFile(secretsFile) }),
    ...(metricsPort === undefined ? {} : { metricsPort }),
    tracing: readTracingSettings(env),
    logLevel: read.data.OSSAAT_LOG_LEVEL,
  };
}
