// The CLI's and the embedded server's settings: environment, files and flags → typed config.
// The only reader of process.env here.
import os from "node:os";
import path from "node:path";

import { AgentError, isProtectedAddress, proveToken, sha256Hex, systemPolicyFile } from "@ossaat/contracts";
import type { Budget } from "@ossaat/contracts";
import type { OrchestratorDeps } from "@ossaat/orchestrator";
import type { ProviderEnv } from "@ossaat/providers";

import { loadSettings, settingPaths } from "./settings/load-settings.ts";
import type { LoadedSettings } from "./settings/load-settings.ts";
import { lockNotices, valueOf } from "./settings/resolve-settings.ts";
import type { SettingKey, SettingValue } from "./settings/setting-table.ts";

export type Config = {
  stateDir: string;
  cacheDir: string;
  userAgentsDir: string;
  policyFiles: NonNullable<OrchestratorDeps["policyFiles"]>;
  /** Server named by the user; absent = the embedded one. */
  remote?: { url: string; token: string | undefined };
  runMode: "consumer" | "enterprise";
  model?: string;
  agents?: readonly string[];
  /** Patterns; absent = every model. */
  allowedModels?: readonly string[];
  /** Caps that somebody set; those of the server hold for the rest. */
  budget: Budget;
  onApproval?: "park" | "deny" | "fail";
  isSandboxRequired: boolean;
  sandboxDriver: "auto" | "bubblewrap" | "container";
  sandboxImage?: string;
  /** What the working tree of a step may take, and how many entries it may have; absent = the tool runner's own bounds. */
  treeGib?: number;
  treeFiles?: number;
  /** Address of the PostgreSQL database; absent = a file in the state folder. */
  store?: string;
  /** Broker that carries the jobs; absent = the database itself. */
  queue?: { url: string; password?: string; caFile?: string };
  idleMinutes: number;
  /** Days that the working trees of plans stay that ended without success. */
  keepDays: number;
  /** Unfinished steps after which new plans are refused. */
  maxOpenSteps?: number;
  slots?: number;
  /** Steps that run at once on one repository and of one plan; absent = as many as there are slots. */
  caps: { repository?: number; plan?: number };
  logLevel: "debug" | "info" | "warn" | "error";
  modelRequestLog?: string;
  /** What OpenTelemetry's own variables say; the address of the collector may come of the settings. */
  tracingEnv: Readonly<Record<string, string | undefined>>;
  providerEnv: ProviderEnv;
  /** Where the user keeps secrets for steps; it may be missing. */
  secretsFile: string;
  /** A variable of the environment that the secrets file names. */
  secretVariable: (name: string) => string | undefined;
  /** Names of the vendors' variables that are set. */
  providerKeys: string[];
  color: "auto" | "always" | "never";
  isScreenReader: boolean;
  noColor: boolean;
  forceColor: boolean;
  isCi: boolean;
  isDumbTerminal: boolean;
  editor?: string;
  /** `LC_ALL`, `LC_CTYPE` or `LANG`, the first that is set. */
  locale?: string;
  /** `PATH`. */
  searchPath: string;
  /** A variable of git's is set, which may name another repository than the one around a folder. */
  isGitSteered: boolean;
  userName: string;
  /** Where every setting came from. */
  loaded: LoadedSettings;
  /** What a lock took away from the command's own flags and variables, for a person. */
  notices: string[];
};

export type ConfigOptions = {
  environment?: NodeJS.ProcessEnv;
  /** Flags of the command by their option name. */
  flags?: Readonly<Record<string, unknown>>;
  /** Folder whose repository may bring a file; absent = none, as for the server. */
  folder?: string;
  /** The administrator's file. */
  systemFile?: string;
  /** See {@link LoadedSettings.problems}. */
  isForgiving?: boolean;
};

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

type Read = <K extends SettingKey>(key: K) => SettingValue<K> | undefined;

function vendorEnv(env: NodeJS.ProcessEnv, read: Read): ProviderEnv {
  return {
    OPENAI_API_KEY: env["OPENAI_API_KEY"],
    OPENAI_BASE_URL: read("providers.openai.baseUrl"),
    OSSAAT_OPENAI_WIRE: read("providers.openai.wire"),
    ANTHROPIC_API_KEY: env["ANTHROPIC_API_KEY"],
    ANTHROPIC_BASE_URL: read("providers.anthropic.baseUrl"),
  };
}

/** Caps whose value stands in one of the layers; the server has defaults of its own. */
function budgetOf({ settings }: LoadedSettings, layers?: readonly string[]): Budget {
  const isWanted = (key: SettingKey) => {
    const layer = settings.get(key)?.origin.layer ?? "default";
    return layers === undefined ? layer !== "default" : layers.includes(layer);
  };
  const pick = <K extends SettingKey>(key: K) => (isWanted(key) ? valueOf(settings, key) : undefined);
  return {
    ...optional("maxCostUsd", pick("budget.maxCostUsd")),
    ...optional("maxTokens", pick("budget.maxTokens")),
    ...optional("maxMinutes", pick("budget.maxMinutes")),
  };
}

/** The caps that the command itself names, as far as no lock is stricter. */
export function ownBudget({ loaded }: Config): Budget {
  const named = loaded.flagKeys;
  const budget = budgetOf(loaded, ["flag", "system"]);
  return {
    ...(named.has("budget.maxCostUsd") ? optional("maxCostUsd", budget.maxCostUsd) : {}),
    ...(named.has("budget.maxTokens") ? optional("maxTokens", budget.maxTokens) : {}),
    ...(named.has("budget.maxMinutes") ? optional("maxMinutes", budget.maxMinutes) : {}),
  };
}

/** How an address is written that is encrypted. */
const encryptedForms = {
  "server.url": "https",
  "telemetry.otlpEndpoint": "https",
  store: "postgres://…?sslmode=verify-full",
  queue: "amqps:// or kafkas://",
} as const;

/** Demands of the run mode on addresses beyond this machine. */
function checkAddresses(mode: Config["runMode"], read: Read, sslMode: string | undefined): void {
  if (mode !== "enterprise") return;
  for (const key of ["server.url", "telemetry.otlpEndpoint", "store", "queue"] as const) {
    const value = read(key);
    if (value === undefined || isProtectedAddress(value, sslMode)) continue;
    const form = encryptedForms[key];
    throw new AgentError("policy_denied", `${key} must use ${form} in run mode enterprise, not ${value}.`, {
      details: { next: `ossaat config explain ${key}` },
    });
  }
}

/** The password stands apart from the address, which is shown and written to files. */
function queueOf(env: NodeJS.ProcessEnv, read: Read): Config["queue"] {
  const url = read("queue");
  if (url === undefined) return undefined;
  const caFile = read("queueCa");
  return {
    url,
    ...optional("password", env["OSSAAT_QUEUE_PASSWORD"]),
    ...optional("caFile", caFile === undefined ? undefined : path.resolve(caFile)),
  };
}

function placesOf(env: NodeJS.ProcessEnv, read: Read): Pick<Config, "stateDir" | "cacheDir" | "userAgentsDir"> {
  const home = env["HOME"] ?? os.homedir();
  const stateHome = env["XDG_STATE_HOME"] ?? path.join(home, ".local", "state");
  return {
    stateDir: path.resolve(read("stateDir") ?? path.join(stateHome, "ossaat")),
    cacheDir: path.join(env["XDG_CACHE_HOME"] ?? path.join(home, ".cache"), "ossaat"),
    userAgentsDir: path.join(settingPaths(env).userFolder, "agents"),
  };
}

function terminalOf(env: NodeJS.ProcessEnv, read: Read) {
  return {
    color: read("terminal.color") ?? "auto",
    isScreenReader: read("terminal.screenReader") ?? false,
    noColor: env["NO_COLOR"] !== undefined,
    forceColor: env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "0",
    isCi: env["CI"] !== undefined && env["CI"] !== "false",
    isDumbTerminal: env["TERM"] === "dumb",
    ...optional("editor", read("terminal.editor")),
    ...optional("locale", env["LC_ALL"] ?? env["LC_CTYPE"] ?? env["LANG"]),
    searchPath: env["PATH"] ?? "",
  };
}

function withoutEmpty(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
}

/** The machine's holds for everybody; OSSAAT_ADMIN_POLICY names one more. */
function policyFilesOf(env: NodeJS.ProcessEnv): Config["policyFiles"] {
  const named = env["OSSAAT_ADMIN_POLICY"];
  return {
    admin: [
      { path: systemPolicyFile, mustExist: false },
      ...(named === undefined ? [] : [{ path: path.resolve(named), mustExist: true }]),
    ],
    user: path.join(settingPaths(env).userFolder, "policy.json"),
  };
}

/** Reads all layers. @throws AgentError invalid_input naming variable, flag, or file and line; policy_denied */
export async function loadConfig(options: ConfigOptions = {}): Promise<Config> {
  const env = withoutEmpty(options.environment ?? process.env);
  const loaded = await loadSettings({ ...options, environment: env });
  const read: Read = (key) => valueOf(loaded.settings, key);
  const runMode = read("runMode") ?? "consumer";
  if (options.isForgiving !== true) checkAddresses(runMode, read, env["PGSSLMODE"]);
  const providerEnv = vendorEnv(env, read);
  const url = read("server.url");
  return {
    ...placesOf(env, read),
    policyFiles: policyFilesOf(env),
    ...optional("remote", url === undefined ? undefined : { url, token: env["OSSAAT_TOKEN"] }),
    runMode,
    ...optional("model", read("model")),
    ...optional("agents", read("agents")),
    ...optional("allowedModels", read("models.allowed")),
    budget: budgetOf(loaded),
    ...optional("onApproval", read("onApproval")),
    isSandboxRequired: read("sandbox.required") ?? false,
    sandboxDriver: read("sandbox.driver") ?? "auto",
    ...optional("sandboxImage", read("sandbox.image")),
    ...optional("treeGib", read("sandbox.treeGib")),
    ...optional("treeFiles", read("sandbox.treeFiles")),
    ...optional("store", read("store")),
    ...optional("queue", queueOf(env, read)),
    idleMinutes: read("server.idleMinutes") ?? 30,
    keepDays: read("workspaces.keepDays") ?? 14,
    ...optional("maxOpenSteps", read("server.maxOpenSteps")),
    ...optional("slots", read("server.slots")),
    caps: {
      ...optional("repository", read("server.maxRunningPerRepository")),
      ...optional("plan", read("server.maxRunningPerPlan")),
    },
    logLevel: read("server.logLevel") ?? "info",
    ...optional("modelRequestLog", read("providers.scripted.requestLog")),
    tracingEnv: tracingEnvOf(env, read("telemetry.otlpEndpoint")),
    providerEnv,
    secretsFile: path.join(settingPaths(env).userFolder, "secrets.json"),
    secretVariable: (name) => env[name],
    providerKeys: Object.entries(providerEnv).flatMap(([name, value]) => (value === undefined ? [] : [name])),
    ...terminalOf(env, read),
    isGitSteered: Object.keys(env).some((name) => name.startsWith("GIT_") && !besidePlace.test(name)),
    // Asked for by few, and looked up in the machine's user database.
    get userName() {
      return userName();
    },
    loaded,
    notices: lockNotices(loaded.settings),
  };
}

/** Variables of git's that say nothing about which repository is meant, and are set on many machines. */
const besidePlace =
  /^GIT_(?:SSL_|SSH|HTTP_|PROXY_|ASKPASS$|TERMINAL_PROMPT$|AUTHOR_|COMMITTER_|EDITOR$|SEQUENCE_EDITOR$|PAGER|MERGE_|PS1_|TRACE)/u;

function tracingEnvOf(env: NodeJS.ProcessEnv, endpoint: string | undefined): Config["tracingEnv"] {
  const own = Object.entries(env).filter(([name]) => name.startsWith("OTEL_"));
  return { ...Object.fromEntries(own), OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
}

/** The tool runner's folder within the state folder. */
export function runnerFolder({ stateDir }: Pick<Config, "stateDir">): string {
  return path.join(stateDir, "runner");
}

/** The same settings for a server with a state of its own, for what must not touch the person's plans. */
export function withOwnState(config: Config, stateDir: string): Config {
  const own = { ...config, stateDir };
  delete own.store;
  delete own.queue;
  return own;
}

/** Environment of a server started for these settings: the caller's, with the state folder named. */
export function serverEnv(config: Config): NodeJS.ProcessEnv {
  const { OSSAAT_STORE: _store, OSSAAT_QUEUE: _queue, ...env } = process.env;
  return {
    ...env,
    OSSAAT_STATE_DIR: config.stateDir,
    ...(config.store === undefined ? {} : { OSSAAT_STORE: config.store }),
    ...(config.queue === undefined ? {} : { OSSAAT_QUEUE: config.queue.url }),
    ...(config.queue?.caFile === undefined ? {} : { OSSAAT_QUEUE_CA: config.queue.caFile }),
    ...(config.modelRequestLog === undefined ? {} : { OSSAAT_MODEL_REQUEST_LOG: config.modelRequestLog }),
  };
}

/** What a server must agree on with its clients, beside the vendors' variables. */
const rulesName = "run mode and rules";
/** The same of the database that holds the plans. */
export const storeName = "store";
/** The same of the broker that carries the jobs. */
export const queueName = "queue";

/** By variable that is set, and for the rules: a fingerprint, useless without the server's token. */
export function settingProofs(config: Config, token: string): Record<string, string> {
  const values = new Map(Object.entries(config.providerEnv));
  const prove = (text: string) => proveToken(token, sha256Hex(text));
  const { runMode, allowedModels, isSandboxRequired, budgetCaps } = serverRules(config);
  return {
    ...Object.fromEntries(config.providerKeys.map((name) => [name, prove(values.get(name) ?? "")])),
    [storeName]: prove(config.store ?? ""),
    [queueName]: prove(config.queue?.url ?? ""),
    [rulesName]: prove(
      JSON.stringify([runMode, allowedModels ?? null, isSandboxRequired, budgetCaps ?? null, config.policyFiles]),
    ),
  };
}

/** Names under which a client's settings are proved. */
export function provedNames({ providerKeys }: Config): string[] {
  return [...providerKeys, rulesName];
}

/** The rules without what one project narrowed: the server is there for all of them. */
function serverRules({ loaded }: Config) {
  return loaded.serverRules;
}
