// The CLI's and the embedded server's settings: environment → typed config. The only reader
// of process.env here.
import os from "node:os";
import path from "node:path";

import { AgentError, proveToken, sha256Hex } from "@ossaat/contracts";
import type { ProviderEnv } from "@ossaat/providers";
import { z } from "zod";

const Env = z.object({
  HOME: z.string().optional(),
  XDG_STATE_HOME: z.string().optional(),
  XDG_CACHE_HOME: z.string().optional(),
  XDG_CONFIG_HOME: z.string().optional(),
  OSSAAT_STATE_DIR: z.string().min(1).optional(),
  OSSAAT_URL: z.url({ protocol: /^https?$/ }).optional(),
  OSSAAT_TOKEN: z.string().min(1).optional(),
  OSSAAT_MODEL: z.string().min(1).optional(),
  OSSAAT_IDLE_MINUTES: z.coerce.number().positive().default(30),
  OSSAAT_SLOTS: z.coerce.number().int().positive().max(64).optional(),
  OSSAAT_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"]).default("info"),
  OSSAAT_MODEL_REQUEST_LOG: z.string().min(1).optional(),
  OSSAAT_OTLP_ENDPOINT: z.url().optional(),
  OPENAI_API_KEY: z.string().optional(),
  OPENAI_BASE_URL: z.string().optional(),
  OSSAAT_OPENAI_WIRE: z.string().optional(),
  ANTHROPIC_API_KEY: z.string().optional(),
  ANTHROPIC_BASE_URL: z.string().optional(),
  NO_COLOR: z.string().optional(),
  FORCE_COLOR: z.string().optional(),
  TERM: z.string().optional(),
  CI: z.string().optional(),
  VISUAL: z.string().optional(),
  EDITOR: z.string().optional(),
});

export type Config = {
  stateDir: string;
  cacheDir: string;
  userAgentsDir: string;
  /** Server named by the user; absent = the embedded one. */
  remote?: { url: string; token: string | undefined };
  model?: string;
  idleMinutes: number;
  slots?: number;
  logLevel: "debug" | "info" | "warn" | "error";
  modelRequestLog?: string;
  otlpEndpoint?: string;
  providerEnv: ProviderEnv;
  /** Names of the vendors' variables that are set. */
  providerKeys: string[];
  noColor: boolean;
  forceColor: boolean;
  isCi: boolean;
  isDumbTerminal: boolean;
  editor?: string;
  userName: string;
};

function vendorEnv(env: z.infer<typeof Env>): ProviderEnv {
  const { OPENAI_API_KEY, OPENAI_BASE_URL, OSSAAT_OPENAI_WIRE, ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL } = env;
  return { OPENAI_API_KEY, OPENAI_BASE_URL, OSSAAT_OPENAI_WIRE, ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL };
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}

/** A user id without a name, as in many containers, is no reason to fail. */
function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}

/** Reads the settings. @throws AgentError invalid_input naming the variable */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const isSet = (entry: [string, string | undefined]) => entry[1] !== "";
  const parsed = Env.safeParse(Object.fromEntries(Object.entries(environment).filter(isSet)));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${z.core.toDotPath(issue.path)}: ${issue.message}`);
    throw new AgentError("invalid_input", `The environment is not valid: ${problems.join("; ")}.`);
  }
  const env = parsed.data;
  const home = env.HOME ?? os.homedir();
  const providerEnv = vendorEnv(env);
  return {
    stateDir: path.resolve(
      env.OSSAAT_STATE_DIR ?? path.join(env.XDG_STATE_HOME ?? path.join(home, ".local", "state"), "ossaat"),
    ),
    cacheDir: path.join(env.XDG_CACHE_HOME ?? path.join(home, ".cache"), "ossaat"),
    userAgentsDir: path.join(env.XDG_CONFIG_HOME ?? path.join(home, ".config"), "ossaat", "agents"),
    ...optional("remote", env.OSSAAT_URL === undefined ? undefined : { url: env.OSSAAT_URL, token: env.OSSAAT_TOKEN }),
    ...optional("model", env.OSSAAT_MODEL),
    idleMinutes: env.OSSAAT_IDLE_MINUTES,
    ...optional("slots", env.OSSAAT_SLOTS),
    logLevel: env.OSSAAT_LOG_LEVEL,
    ...optional("modelRequestLog", env.OSSAAT_MODEL_REQUEST_LOG),
    ...optional("otlpEndpoint", env.OSSAAT_OTLP_ENDPOINT),
    providerEnv,
    providerKeys: Object.entries(providerEnv).flatMap(([name, value]) =>
      value === undefined || value === "" ? [] : [name],
    ),
    noColor: env.NO_COLOR !== undefined && env.NO_COLOR !== "",
    forceColor: env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "0",
    isCi: env.CI !== undefined && env.CI !== "" && env.CI !== "false",
    isDumbTerminal: env.TERM === "dumb",
    ...optional("editor", env.VISUAL ?? env.EDITOR),
    userName: userName(),
  };
}

/** Environment of a server started for these settings: the caller's, with the state folder named. */
export function serverEnv(config: Config): NodeJS.ProcessEnv {
  return {
    ...process.env,
    OSSAAT_STATE_DIR: config.stateDir,
    ...(config.modelRequestLog === undefined ? {} : { OSSAAT_MODEL_REQUEST_LOG: config.modelRequestLog }),
  };
}

/** By variable that is set: a fingerprint of its value, useless without the server's token. */
export function settingProofs({ providerEnv, providerKeys }: Config, token: string): Record<string, string> {
  const values = new Map(Object.entries(providerEnv));
  return Object.fromEntries(providerKeys.map((name) => [name, proveToken(token, sha256Hex(values.get(name) ?? ""))]));
}
