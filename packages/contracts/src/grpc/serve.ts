// A gRPC server as every service of the product runs one: same limits, same errors, health included.
import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";

import { ServerCredentials, experimental } from "@grpc/grpc-js";
import { createServer } from "nice-grpc";
import type { Server } from "nice-grpc";

import { AgentError } from "../agent-error.ts";
import { HealthDefinition } from "../gen/grpc/health/v1/health.ts";
import { checkAddress, socketPath } from "./address.ts";
import { sendAgentErrors } from "./agent-error-metadata.ts";
import { traceCalls } from "./call-trace.ts";
import type { OpenCallSpan } from "./call-trace.ts";
import { requireToken } from "./call-token.ts";
import { createHealthHandlers } from "./health.ts";
import type { CertificateSource } from "./certificate-source.ts";
import { grpcLimits } from "./limits.ts";
import { requireCaller } from "./peer-names.ts";

/** Mutual TLS: what the server shows and which callers it lets in. */
export type ServerTls = {
  certificates: CertificateSource;
  /** Names of which a caller's certificate carries one: host names, or `spiffe://domain/path`. */
  callers: readonly string[];
};

export type ServeOptions = {
  /** `unix:/path` or a port of the loopback interface; with `tls` any `host:port`. Port 0 takes a free one. */
  address: string;
  /** What callers must bring. Required on a port without `tls`, which every user of the machine can reach. */
  token?: string | undefined;
  /** Absent = plain text, on this machine only. */
  tls?: ServerTls | undefined;
  /** Adds the service's own handlers. */
  register: (server: Server) => void;
  /** Full names the health service knows. */
  services: readonly string[];
  isServing: () => Promise<boolean>;
  /** Begins what runs around every call but health checks; absent = nothing does. */
  openSpan?: OpenCallSpan | undefined;
  /** Gets errors nobody foresaw, with the method they came from. */
  report: (error: AgentError, path: string) => void;
};

export type GrpcServer = {
  /** What clients connect to. */
  address: string;
  /** Lets running calls end, for at most `graceMs`, then ends them. */
  close(graceMs?: number): Promise<void>;
};

const defaultGraceMs = 2_000;

/** Removes a socket file that a killed server left; one that answers is in use. */
async function removeStaleSocket(path: string): Promise<void> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const answers = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve((socket.destroy(), true)));
    socket.once("error", () => resolve(false));
  });
  if (answers) throw new AgentError("conflict", "Another server listens on that socket.");
  unlinkSync(path);
}

/** Listens on a socket that only the owner of the process may call, from its first moment on. */
async function listen(server: Server, address: string, credentials: ServerCredentials): Promise<number> {
  const path = socketPath(address);
  if (path === undefined) return server.listen(address, credentials);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const before = process.umask(0o077);
  try {
    const port = await server.listen(address, credentials);
    chmodSync(path, 0o600);
    return port;
  } finally {
    process.umask(before);
  }
}

function channelOptions(tls: ServerTls | undefined): Record<string, unknown> {
  const options = {
    "grpc.max_receive_message_length": grpcLimits.maxMessageBytes,
    "grpc.max_send_message_length": grpcLimits.maxMessageBytes,
    "grpc.keepalive_time_ms": grpcLimits.keepaliveMs,
  };
  if (tls === undefined) return options;
  const maxAge = { "grpc.max_connection_age_ms": grpcLimits.maxSecureConnectionMs };
  return { ...options, ...maxAge, interceptors: [requireCaller(tls.callers)] };
}

function credentialsOf(tls: ServerTls | undefined): ServerCredentials {
  if (tls === undefined) return ServerCredentials.createInsecure();
  // The library names the certificate of the server first, the authorities second.
  return experimental.createCertificateProviderServerCredentials(tls.certificates, tls.certificates, true);
}

function missingToken(): AgentError {
  return new AgentError("invalid_input", "A server on a port needs a token: every user of the machine can reach it.", {
    details: { next: "Set a token, or listen on unix:/path." },
  });
}

/** Starts listening. @throws AgentError invalid_input, conflict, unavailable */
export async function serveGrpc(options: ServeOptions): Promise<GrpcServer> {
  const { tls } = options;
  const address = checkAddress(options.address, tls !== undefined);
  const path = socketPath(address);
  if (path === undefined && tls === undefined && options.token === undefined) throw missingToken();
  if (path !== undefined) await removeStaleSocket(path);
  const bare = createServer(channelOptions(tls));
  // The first one added is around the others: a refusal is an error like any other.
  const answering = bare.use(sendAgentErrors(options.report));
  const told = options.openSpan === undefined ? answering : answering.use(traceCalls(options.openSpan));
  const server = options.token === undefined ? told : told.use(requireToken(options.token));
  options.register(server);
  server.add(HealthDefinition, createHealthHandlers(options.services, options.isServing));
  const port = await listen(server, address, credentialsOf(tls)).catch((cause: unknown) => {
    throw new AgentError("unavailable", "The server cannot listen on its address.", { cause });
  });
  return {
    address: path === undefined ? address.replace(/:\d+$/u, `:${port}`) : address,
    async close(graceMs = defaultGraceMs) {
      const timer = setTimeout(() => server.forceShutdown(), graceMs);
      await server.shutdown();
      clearTimeout(timer);
    },
  };
}
