// Serves a runner to other processes: agent.v1 and the standard health service.
import { AgentServiceDefinition } from "@ossaat/contracts/proto/agent";
import { WorkspaceServiceDefinition } from "@ossaat/contracts/proto/workspace";
import { serveGrpc } from "@ossaat/contracts/grpc";
import type { GrpcServer, OpenCallSpan, ServerTls } from "@ossaat/contracts/grpc";
import type { ToolService, WorkspaceService } from "@ossaat/contracts";

import { createAgentHandlers } from "./grpc/agent-handlers.ts";
import { createAttachments } from "./grpc/attachments.ts";
import { runnerGrpcLimits } from "./grpc/limits.ts";
import { createWorkspaceHandlers } from "./grpc/workspace-handlers.ts";

export type ServeRunnerOptions = {
  tools: ToolService;
  workspaces: WorkspaceService;
  /** `unix:/path` or a port of the loopback interface; with `tls` any `host:port`. Messages are limited to 4 MiB. */
  address: string;
  /** What callers must bring; required on a port without `tls`. */
  token?: string | undefined;
  tls?: ServerTls | undefined;
  /** Begins a span around every call; absent = none. */
  openSpan?: OpenCallSpan | undefined;
  /** Milliseconds a call runs on after its last reader left. */
  detachGraceMs?: number;
  /** Gets errors nobody foresaw; their cause is for the log alone. */
  log: { warn(fields: Record<string, unknown>, message: string): void };
};

/** Starts serving. @throws AgentError invalid_input, conflict, unavailable */
export async function serveToolRunner(options: ServeRunnerOptions): Promise<GrpcServer> {
  const {
    tools,
    workspaces,
    address,
    token,
    tls,
    openSpan,
    log,
    detachGraceMs = runnerGrpcLimits.detachGraceMs,
  } = options;
  const cancel = (invocationId: string): void => {
    tools.cancel(invocationId).catch((error: unknown) => {
      log.warn({ invocationId, cause: error }, "A call nobody reads could not be cancelled.");
    });
  };
  const attachments = createAttachments(detachGraceMs, cancel);
  const server = await serveGrpc({
    address,
    token,
    tls,
    openSpan,
    services: [AgentServiceDefinition.fullName, WorkspaceServiceDefinition.fullName],
    isServing: async () => (await tools.health()).status === "serving",
    report: (error, path) => log.warn({ path, cause: error.cause }, "A call failed in a way nobody foresaw."),
    register: (grpc) => {
      grpc.add(AgentServiceDefinition, createAgentHandlers(tools, attachments));
      grpc.add(WorkspaceServiceDefinition, createWorkspaceHandlers(workspaces));
    },
  });
  return {
    address: server.address,
    async close(graceMs) {
      attachments.close();
      await server.close(graceMs);
    },
  };
}
