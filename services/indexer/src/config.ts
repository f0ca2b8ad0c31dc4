// The only reader of the process environment.
import { homedir } from "node:os";
import { join } from "node:path";

import { invalidEnvironment } from "@ossaat/contracts";
import { readServerTlsSettings } from "@ossaat/contracts/grpc";
import type { ServerTlsSettings } from "@ossaat/contracts/grpc";
import { readTracingSettings } from "@ossaat/telemetry";
import type { TracingSettings } from "@ossaat/telemetry";
import { z } from "zod";

const Environment = z.object({
  /** Where the indexer listens: unix:/path or a port of the loopback interface; with certificates any host:port. */
  OSSAAT_INDEXER_ADDRESS: z.string().min(1).optional(),
  /** What callers must bring; required when the address is a port and no certificates are set. */
  OSSAAT_INDEXER_TOKEN: z.string().min(1).optional(),
  /** Folder of what was read from commits; safe to delete while nothing runs. */
  OSSAAT_INDEXER_CACHE_DIR: z.string().min(1).optional(),
  /** Heap of the index thread, MiB. */
  OSSAAT_INDEXER_HEAP_MB: z.coerce.number().int().min(128).max(65_536).optional(),
  OSSAAT_LOG_LEVEL: z.enum(["debug", "info", "warn", "error"], "must be debug, info, warn or error").default("info"),
});

/** Settings of an indexer in a process of its own. */
export type IndexerConfig = {
  address: string;
  token?: string;
  /** From `OSSAAT_INDEXER_TLS_CERT`, `_KEY`, `_CA` (PEM files) and `_CALLERS` (names it lets in, by commas). */
  tls?: ServerTlsSettings;
  cacheDir: string;
  maxHeapMb?: number;
  /** By OpenTelemetry's own variables. */
  tracing: TracingSettings;
  logLevel: "debug" | "info" | "warn" | "error";
};

/** @throws AgentError invalid_input for a setting that is none */
export function readConfig(env: NodeJS.ProcessEnv = process.env): IndexerConfig {
  const read = Environment.safeParse(env);
  if (!read.success) {
    throw invalidEnvironment(read.error);
  }
  const { data } = read;
  const home = env["HOME"] ?? homedir();
  const state = env["XDG_STATE_HOME"] ?? join(home, ".local", "state");
  // A folder of its own, so that it can be made for its owner alone.
  const runDir = env["XDG_RUNTIME_DIR"] ?? join(state, "ossaat");
  const cache = env["XDG_CACHE_HOME"] ?? join(home, ".cache");
  const token = data.OSSAAT_INDEXER_TOKEN;
  const tls = readServerTlsSettings(env, "OSSAAT_INDEXER");
  return {
    address: data.OSSAAT_INDEXER_ADDRESS ?? `unix:${join(runDir, "ossaat-indexer", "indexer.sock")}`,
    ...(token === undefined ? {} : { token }),
    ...(tls === undefined ? {} : { tls }),
    cacheDir: data.OSSAAT_INDEXER_CACHE_DIR ?? join(cache, "ossaat", "indexer"),
    ...(data.OSSAAT_INDEXER_HEAP_MB === undefined ? {} : { maxHeapMb: data.OSSAAT_INDEXER_HEAP_MB }),
    tracing: readTracingSettings(env),
    logLevel: data.OSSAAT_LOG_LEVEL,
  };
}
