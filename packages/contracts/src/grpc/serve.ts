// A gRPC server as every service of the product runs one: same limits, same errors, health included.
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";

import { createServer } from "nice-grpc";
import type { Server } from "nice-grpc";

import { AgentError } from "../agent-error.ts";
import { HealthDefinition } from "../gen/grpc/health/v1/health.ts";
import { checkAddress, socketPath } from "./address.ts";
import { sendAgentErrors } from "./agent-error-metadata.ts";
import { createHealthHandlers } from "./health.ts";
import { grpcLimits } from "./limits.ts";

export type ServeOptions = {
  /** `unix:/path` or a port of the loopback interface; port 0 takes a free one. */
  address: string;
  /** Adds the service's own handlers. */
  register: (server: Server) => void;
  /** Full names the health service knows. */
  services: readonly string[];
  isServing: () => Promise<boolean>;
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

/** Starts listening. @throws AgentError invalid_input, conflict, unavailable */
export async function serveGrpc(options: ServeOptions): Promise<GrpcServer> {
  const address = checkAddress(options.address);
  const path = socketPath(address);
  if (path !== undefined) await removeStaleSocket(path);
  const server = createServer({
    "grpc.max_receive_message_length": grpcLimits.maxMessageBytes,
    "grpc.max_send_message_length": grpcLimits.maxMessageBytes,
    "grpc.keepalive_time_ms": grpcLimits.keepaliveMs,
  }).use(sendAgentErrors(options.report));
  options.register(server);
  server.add(HealthDefinition, createHealthHandlers(options.services, options.isServing));
  const port = await server.listen(address).catch((cause: unknown) => {
    throw new AgentError("unavailable", "The server cannot listen on its address.", { cause });
  });
  // Only the owner of the process may call it.
  if (path !== undefined) chmodSync(path, 0o600);
  return {
    address: path === undefined ? address.replace(/:\d+$/u, `:${port}`) : address,
    async close(graceMs = defaultGraceMs) {
      const timer = setTimeout(() => server.forceShutdown(), graceMs);
      await server.shutdown();
      clearTimeout(timer);
    },
  };
}
