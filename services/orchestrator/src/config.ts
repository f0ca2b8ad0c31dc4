// Settings of an orchestrator in a process of its own; the only reader of its environment.
import { readFileSync } from "node:fs";

import { AgentError, invalidEnvironment, isBrokerAddress } from "@ossaat/contracts";
import { readCertificateSettings } from "@ossaat/contracts/grpc";
import type { CertificateFiles } from "@ossaat/contracts/grpc";
import type { ProviderEnv } from "@ossaat/providers";
import { readTracingSettings } from "@ossaat/telemetry";
import type { TracingSettings } from "@ossaat/telemetry";
import { z } from "zod";

import { readInternalKey } from "./identity/internal-key.ts";
import { readPassword } from "./password-setting.ts";
import { RuleSettings, checkAddresses, checkCollector, toServerRules, wholeNumber } from "./server-rules.ts";
import type { ServerRules } from "./server-rules.ts";
import { readStoreUrl } from "./store/store-url.ts";

const text = z.string().min(1).optional();

/** A variable without which the process does not start. */
function needed(what: string) {
  const problem = `is missing: it is ${what}`;
  return z.string(problem).min(1, problem);
}

const embedded = "embedded";

const Environment = RuleSettings.extend({
  /** `api` answers requests and streams, `worker` runs steps, `all` does both. */
  OSSAAT_ROLE: z.enum(["api", "worker", "all"], "must be api, worker or all").default("all"),
  /** postgres://user@host:port/database, without a password. */
  OSSAAT_STORE: needed("the address of the database, as postgres://ossaat@127.0.0.1:5432/ossaat"),
  /** Password of the database, or a file that holds it. */
  OSSAAT_STORE_PASSWORD: text,
  OSSAAT_STORE_PASSWORD_FILE: text,
  /** Broker that carries the hints; `embedded` = the database itself. */
  OSSAAT_QUEUE: z
    .string()
    .refine((value) => value === embedded || isBrokerAddress(value), {
      error:
        "must be amqp[s]://user@host:port/vhost or kafka[s]://user@host:port, without a password, or be left out: the database carries the jobs then",
    })
    .default(embedded),
  /** Password of the user in that address; or a file that holds it. */
  OSSAAT_QUEUE_PASSWORD: text,
  OSSAAT_QUEUE_PASSWORD_FILE: text,
  /** File with the certificates that the broker's is checked by; absent = the system's. */
  OSSAAT_QUEUE_CA: text,
  /** Port of the loopback interface for the API and for health; 0 takes a free one. */
  OSSAAT_LISTEN: z
    .string()
    .regex(/^127\.0\.0\.1:\d{1,5}$/u, "must be 127.0.0.1:port: what is before it brings TLS")
    .default("127.0.0.1:8081"),
  /** Key of the internal tokens, 64 hex digits; or a file that holds it. The gateway has the same. */
  OSSAAT_INTERNAL_KEY: text,
  OSSAAT_INTERNAL_KEY_FILE: text,
  OSSAAT_RUNNER_ADDRESS: needed("where the tool runner listens, as unix:/run/ossaat/runner.sock or 127.0.0.1:7001"),
  OSSAAT_RUNNER_TOKEN: text,
  /** Name the tool runner's certificate must carry. */
  OSSAAT_RUNNER_NAME: text,
  OSSAAT_INDEXER_ADDRESS: needed("where the indexer listens, as unix:/run/ossaat/indexer.sock or 127.0.0.1:7002"),
  OSSAAT_INDEXER_TOKEN: text,
  OSSAAT_INDEXER_NAME: text,
  /** A name of its own: a worker that starts again takes its steps back at once; beside a living one it gets another. */
  OSSAAT_WORKER_NAME: z
    .string()
    .regex(/^[\w.-]{1,64}$/u, "must be 1 to 64 letters, digits or _ . -, as w1")
    .optional(),
  /** Seconds that the process may take to end after SIGTERM. */
  OSSAAT_DRAIN_SECONDS: wholeNumber(1, 600).default(20),
  /** Folder for archives while they are exported or imported, of this process alone; absent = a temporary one. */
  OSSAAT_SPOOL_DIR: text,
  /** Default model of new plans. */
  OSSAAT_MODEL: text,
  /** File to which scripted models log their requests. */
  OSSAAT_MODEL_REQUEST_LOG: text,
  OSSAAT_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"], "must be debug, info, warn or error").default("info"),
});

type Values = z.output<typeof Environment>;

/** Where a service of ours is, and how it is known. */
export type ServiceAddress = { address: string; token?: string | undefined; serverName?: string | undefined };

/** A broker; the password stands apart from the address, which is shown and stored. */
export type BrokerSettings = {
  url: string;
  password?: string | undefined;
  /** File with the certificates that the broker's is checked by; absent = the system's. */
  caFile?: string | undefined;
};

export type OrchestratorConfig = {
  role: Values["OSSAAT_ROLE"];
  /** With its password: never to be shown. */
  storeUrl: string;
  /** Absent = the database itself carries the hints. */
  queue?: BrokerSettings | undefined;
  port: number;
  internalKey: Uint8Array;
  runner: ServiceAddress;
  indexer: ServiceAddress;
  /** What this process shows to the services; absent = they are on this machine. */
  certificateFiles?: CertificateFiles | undefined;
  workerName?: string | undefined;
  rules: ServerRules;
  drainMs: number;
  spoolDir?: string | undefined;
  model?: string | undefined;
  modelRequestLog?: string | undefined;
  providerEnv: ProviderEnv;
  /** Names of the vendors' variables that are set. */
  providerKeys: string[];
  /** By OpenTelemetry's own variables. */
  tracing: TracingSettings;
  logLevel: Values["OSSAAT_LOG_LEVEL"];
  /** What no log may hold. */
  secrets: string[];
};

const vendorNames = [
  "OPENAI_API_KEY",
  "OPENAI_BASE_URL",
  "OSSAAT_OPENAI_WIRE",
  "ANTHROPIC_API_KEY",
  "ANTHROPIC_BASE_URL",
] as const satisfies readonly (keyof ProviderEnv)[];

function vendorEnv(env: NodeJS.ProcessEnv): ProviderEnv {
  return Object.fromEntries(vendorNames.flatMap((name) => ((env[name] ?? "") === "" ? [] : [[name, env[name]]])));
}

/** With certificates a service is known by its name, so each needs one. @throws AgentError invalid_input */
function checkNames(values: Values, files: CertificateFiles | undefined): void {
  for (const name of ["OSSAAT_RUNNER_NAME", "OSSAAT_INDEXER_NAME"] as const) {
    if ((values[name] === undefined) === (files === undefined)) continue;
    const message =
      files === undefined
        ? `${name} is set, but no certificate to show: set OSSAAT_TLS_CERT, _KEY and _CA.`
        : `${name} is missing: with certificates a service is known by its name.`;
    throw new AgentError("invalid_input", message);
  }
}

function secretsOf(values: Values, internalKey: Uint8Array, others: readonly (string | undefined)[]): string[] {
  const key = Buffer.from(internalKey).toString("hex");
  const told = [key, values.OSSAAT_RUNNER_TOKEN, values.OSSAAT_INDEXER_TOKEN, ...others];
  return told.filter((secret) => secret !== undefined);
}

function readQueue(values: Values, read: (path: string) => string): BrokerSettings | undefined {
  const { OSSAAT_QUEUE: url, OSSAAT_QUEUE_PASSWORD: password, OSSAAT_QUEUE_PASSWORD_FILE: passwordFile } = values;
  if (url === embedded) return undefined;
  return {
    url,
    password: readPassword({ name: "OSSAAT_QUEUE_PASSWORD", password, passwordFile, read }),
    caFile: values.OSSAAT_QUEUE_CA,
  };
}

/** @throws AgentError invalid_input for a setting that is none, policy_denied for one that the run mode forbids */
export function readConfig(env: NodeJS.ProcessEnv = process.env): OrchestratorConfig {
  const parsed = Environment.safeParse(env);
  if (!parsed.success) {
    throw invalidEnvironment(parsed.error);
  }
  const { data } = parsed;
  const certificateFiles = readCertificateSettings(env, "OSSAAT");
  checkNames(data, certificateFiles);
  const providerEnv = vendorEnv(env);
  const read = (path: string): string => readFileSync(path, "utf8");
  const store = readStoreUrl({
    address: data.OSSAAT_STORE,
    password: data.OSSAAT_STORE_PASSWORD,
    passwordFile: data.OSSAAT_STORE_PASSWORD_FILE,
    read,
  });
  const queue = readQueue(data, read);
  const tracing = readTracingSettings(env);
  const rules = toServerRules(data);
  checkCollector(rules, tracing.tracesUrl);
  checkAddresses(rules, { OSSAAT_STORE: data.OSSAAT_STORE, OSSAAT_QUEUE: queue?.url }, env["PGSSLMODE"]);
  const internalKey = readInternalKey({
    text: data.OSSAAT_INTERNAL_KEY,
    file: data.OSSAAT_INTERNAL_KEY_FILE,
    read,
  });
  return {
    role: data.OSSAAT_ROLE,
    storeUrl: store.url,
    queue,
    port: Number(data.OSSAAT_LISTEN.split(":")[1]),
    internalKey,
    runner: {
      address: data.OSSAAT_RUNNER_ADDRESS,
      token: data.OSSAAT_RUNNER_TOKEN,
      serverName: data.OSSAAT_RUNNER_NAME,
    },
    indexer: {
      address: data.OSSAAT_INDEXER_ADDRESS,
      token: data.OSSAAT_INDEXER_TOKEN,
      serverName: data.OSSAAT_INDEXER_NAME,
    },
    certificateFiles,
    workerName: data.OSSAAT_WORKER_NAME,
    rules,
    drainMs: data.OSSAAT_DRAIN_SECONDS * 1_000,
    spoolDir: data.OSSAAT_SPOOL_DIR,
    model: data.OSSAAT_MODEL,
    modelRequestLog: data.OSSAAT_MODEL_REQUEST_LOG,
    providerEnv,
    providerKeys: Object.keys(providerEnv),
    tracing,
    logLevel: data.OSSAAT_LOG_LEVEL,
    secrets: secretsOf(data, internalKey, [
      store.password ?? env["PGPASSWORD"],
      queue?.password,
      ...tracing.secrets,
      providerEnv.OPENAI_API_KEY,
      providerEnv.ANTHROPIC_API_KEY,
    ]),
  };
}
