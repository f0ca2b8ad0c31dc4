// Settings of a gateway in a process of its own; the only reader of its environment.
import { readFileSync } from "node:fs";

import { AgentError, invalidEnvironment } from "@ossaat/contracts";
import { readInternalKey } from "@ossaat/orchestrator/identity";
import { readTracingSettings } from "@ossaat/telemetry";
import type { TracingSettings } from "@ossaat/telemetry";
import { z } from "zod";

const text = z.string().min(1).optional();

const noReplicas = "is missing: it is the addresses of the API processes by commas, as http://127.0.0.1:8081";
const noToken = "must have at least 32 visible ASCII characters, as `openssl rand -hex 32` makes them";

const Environment = z.object({
  /** Port of the loopback interface; 0 takes a free one. */
  OSSAAT_GATEWAY_LISTEN: z
    .string()
    .regex(/^127\.0\.0\.1:\d{1,5}$/u, "must be 127.0.0.1:port: what is before it brings TLS")
    .default("127.0.0.1:8080"),
  /** Origins of the API's replicas, by commas. */
  OSSAAT_GATEWAY_REPLICAS: z.string(noReplicas).min(1, noReplicas),
  /** Host names the gateway answers to, by commas. */
  OSSAAT_GATEWAY_HOSTS: z.string().min(1).default("127.0.0.1,localhost"),
  /** What callers bring as bearer token. */
  OSSAAT_API_TOKEN: z.string(noToken).regex(/^[\x21-\x7e]{32,}$/u, noToken),
  /** Name of the person who holds the token. */
  OSSAAT_GATEWAY_USER: z.string().min(1).default("operator"),
  /** Key of the internal tokens, 64 hex digits; or a file that holds it. The orchestrator has the same. */
  OSSAAT_INTERNAL_KEY: text,
  OSSAAT_INTERNAL_KEY_FILE: text,
  /** Seconds that the process may take to end after SIGTERM. */
  OSSAAT_DRAIN_SECONDS: z.coerce.number().int().min(1).max(600).default(20),
  OSSAAT_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"], "must be debug, info, warn or error").default("info"),
});

export type GatewayConfig = {
  port: number;
  replicas: string[];
  allowedHosts: string[];
  token: string;
  user: string;
  internalKey: Uint8Array;
  drainMs: number;
  /** By OpenTelemetry's own variables. */
  tracing: TracingSettings;
  logLevel: "debug" | "info" | "warn" | "error";
};

function listOf(value: string): string[] {
  return value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

/** Plain HTTP stays on the machine. @throws AgentError invalid_input */
function checkReplica(origin: string): string {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url?.protocol === "http:" && ["127.0.0.1", "localhost", "[::1]"].includes(url.hostname)) return url.origin;
  throw new AgentError("invalid_input", `${JSON.stringify(origin)} is no replica: use http://127.0.0.1:port.`);
}

/** @throws AgentError invalid_input for a setting that is none */
export function readConfig(env: NodeJS.ProcessEnv = process.env): GatewayConfig {
  const read = Environment.safeParse(env);
  if (!read.success) {
    throw invalidEnvironment(read.error);
  }
  const { data } = read;
  const replicas = listOf(data.OSSAAT_GATEWAY_REPLICAS).map(checkReplica);
  if (replicas.length === 0) throw new AgentError("invalid_input", "OSSAAT_GATEWAY_REPLICAS names no replica.");
  return {
    port: Number(data.OSSAAT_GATEWAY_LISTEN.split(":")[1]),
    replicas,
    allowedHosts: listOf(data.OSSAAT_GATEWAY_HOSTS),
    token: data.OSSAAT_API_TOKEN,
    user: data.OSSAAT_GATEWAY_USER,
    internalKey: readInternalKey({
      text: data.OSSAAT_INTERNAL_KEY,
      file: data.OSSAAT_INTERNAL_KEY_FILE,
      read: (path) => readFileSync(path, "utf8"),
    }),
    drainMs: data.OSSAAT_DRAIN_SECONDS * 1_000,
    tracing: readTracingSettings(env),
    logLevel: data.OSSAAT_LOG_LEVEL,
  };
}
