// A runner in another process, as the same two services it is in this one.
import { AgentError } from "@ossaat/contracts";
import { callMetadata, connectGrpc, grpcLimits } from "@ossaat/contracts/grpc";
import type { ConnectOptions } from "@ossaat/contracts/grpc";
import type { CallOptions, ToolEvent, ToolInvocation, ToolService, WorkspaceService } from "@ossaat/contracts";
import { AgentServiceDefinition, ExecuteToolRequest } from "@ossaat/contracts/proto/agent";
import type { AgentServiceClient } from "@ossaat/contracts/proto/agent";
import { WorkspaceServiceDefinition } from "@ossaat/contracts/proto/workspace";

import { fromWireEvent, fromWireHealth, toWireInvocation } from "./grpc/wire-tool.ts";
import { createWorkspaceClient } from "./grpc/workspace-client.ts";

export type ToolRunnerClient = { tools: ToolService; workspaces: WorkspaceService; close(): void };

function tooLarge(seq: number): ToolEvent {
  const message = `The call is larger than ${grpcLimits.maxMessageBytes} bytes.`;
  const error = { code: "limit_exceeded", message } as const;
  return { seq, state: "failed", occurredAt: new Date().toISOString(), summary: message, error };
}

/**
 * Cancels the call on the runner as soon as the signal says so and the runner knows the call.
 * The stream goes on to its terminal event, as it does in process.
 */
function cancelOnAbort(agent: AgentServiceClient, invocationId: string, signal: AbortSignal | undefined) {
  let isStarted = false;
  const cancel = (): void => {
    // A runner that cannot be reached ends the stream, and with it this call.
    if (isStarted) agent.cancelTool({ invocationId }).catch(() => undefined);
  };
  signal?.addEventListener("abort", cancel, { once: true });
  return {
    started(): void {
      if (isStarted) return;
      isStarted = true;
      if (signal?.aborted === true) cancel();
    },
    stop: () => signal?.removeEventListener("abort", cancel),
  };
}

function createToolClient(agent: AgentServiceClient): ToolService {
  async function* execute(invocation: ToolInvocation, options: CallOptions = {}): AsyncGenerator<ToolEvent> {
    const request = { invocation: toWireInvocation(invocation) };
    if (ExecuteToolRequest.encode(request).finish().length > grpcLimits.maxMessageBytes) {
      yield tooLarge((invocation.afterSeq ?? 0) + 1);
      return;
    }
    const cancelling = cancelOnAbort(agent, invocation.invocationId, options.signal);
    try {
      for await (const wire of agent.executeToolStream(request, { metadata: callMetadata(options) })) {
        cancelling.started();
        const event = fromWireEvent(wire);
        yield event;
        if (event.state !== "running") return;
      }
    } finally {
      cancelling.stop();
    }
    // Not an event: whether the call took effect is unknown, and nobody may take this for its result.
    throw new AgentError("tool_failed", "The call ended without a result.", { details: { retryable: true } });
  }

  return {
    execute,
    async cancel(invocationId) {
      await agent.cancelTool({ invocationId });
    },
    health: async () => fromWireHealth(await agent.health({})),
  };
}

/** Connects to a runner; the first call opens the connection. A runner on a port asks for its token, one with mutual TLS for a certificate. */
export function connectToolRunner(address: string, options: ConnectOptions = {}): ToolRunnerClient {
  const connection = connectGrpc(address, { service: "tool runner", ...options });
  return {
    tools: createToolClient(connection.client(AgentServiceDefinition)),
    workspaces: createWorkspaceClient(connection.client(WorkspaceServiceDefinition)),
    close: () => connection.close(),
  };
}
