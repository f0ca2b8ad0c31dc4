// agent.v1.AgentService over the runner's own ToolService.
import type { CallOptions, ToolEvent, ToolInvocation, ToolService } from "@ossaat/contracts";
import type {
  AgentServiceImplementation,
  ExecuteToolRequest,
  ToolEvent as WireEvent,
} from "@ossaat/contracts/proto/agent";
import { openSpan, toolRunSpan } from "@ossaat/telemetry";
import type { CallContext } from "nice-grpc";

import type { Attachments } from "./attachments.ts";
import { fromWireInvocation, toWireEvent, toWireHealth } from "./wire-tool.ts";

const gone = Symbol("the reader is gone");

function whenAborted(signal: AbortSignal): Promise<typeof gone> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(gone);
    signal.addEventListener("abort", () => resolve(gone), { once: true });
  });
}

function callOptions(context: CallContext): { traceparent?: string } {
  const traceparent = context.metadata.get("traceparent");
  return typeof traceparent === "string" ? { traceparent } : {};
}

/** Events until the reader leaves; leaving does not wait for the next event. */
async function* untilGone(events: AsyncIterable<ToolEvent>, signal: AbortSignal): AsyncGenerator<ToolEvent> {
  const iterator = events[Symbol.asyncIterator]();
  const left = whenAborted(signal);
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), left]);
      if (next === gone || next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not awaited: an iterator that waits for its next event ends with it.
    void iterator.return?.();
  }
}

/** Measures and traces a call in this process. */
async function* traced(invocation: ToolInvocation, events: () => AsyncIterable<ToolEvent>): AsyncGenerator<ToolEvent> {
  const span = openSpan(toolRunSpan(invocation));
  try {
    for await (const event of span.run(events)) {
      if (event.state === "failed" || event.state === "cancelled") span.fail(event.error.code);
      yield event;
    }
  } catch (error) {
    span.recordError(error);
    throw error;
  } finally {
    span.end();
  }
}

export function createAgentHandlers(tools: ToolService, attachments: Attachments): AgentServiceImplementation {
  const execute = (invocation: ToolInvocation, options: CallOptions) =>
    traced(invocation, () => tools.execute(invocation, options));

  async function* stream(request: ExecuteToolRequest, context: CallContext): AsyncGenerator<WireEvent> {
    const invocation = fromWireInvocation(request.invocation);
    const leave = attachments.attach(invocation.invocationId);
    let isOver = false;
    try {
      for await (const event of untilGone(execute(invocation, callOptions(context)), context.signal)) {
        isOver = event.state !== "running";
        yield toWireEvent(event, invocation);
      }
    } finally {
      leave(!isOver);
    }
  }

  return {
    executeToolStream: stream,
    async executeTool(request, context) {
      const invocation = fromWireInvocation(request.invocation);
      const options = { ...callOptions(context), signal: context.signal };
      const events: WireEvent[] = [];
      for await (const event of execute(invocation, options)) events.push(toWireEvent(event, invocation));
      return { events };
    },
    async cancelTool({ invocationId }) {
      await tools.cancel(invocationId);
      return {};
    },
    health: async () => toWireHealth(await tools.health()),
  };
}
