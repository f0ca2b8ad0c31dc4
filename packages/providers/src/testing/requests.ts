// Requests used by the suites of this package.
import type { ModelRequest, StreamEvent } from "../spec.ts";

/** A small request; any field can be replaced. */
export function testRequest(changes: Partial<ModelRequest> = {}): ModelRequest {
  return {
    modelId: "test-model",
    messages: [
      { role: "system", parts: [{ type: "text", text: "You are terse." }] },
      { role: "user", parts: [{ type: "text", text: "hello" }] },
    ],
    metadata: { tenantId: "t", planId: "plan-1", stepId: "edit", agent: "code-writer", turn: 1, requestAttempt: 1 },
    ...changes,
  };
}

/** All events of a stream. */
export async function readAll(events: AsyncIterable<StreamEvent>): Promise<StreamEvent[]> {
  const seen: StreamEvent[] = [];
  for await (const event of events) seen.push(event);
  return seen;
}

/** The tool used by the suites. */
export const readFileTool = {
  name: "read_file",
  description: "Read a file.",
  inputSchema: {
    type: "object",
    properties: { path: { type: "string" } },
    required: ["path"],
    additionalProperties: false,
  },
};
