// A call over gRPC belongs to the trace of whoever makes it, and the work behind it to the call.
import { mkdirSync, readFileSync } from "node:fs";

import { AgentError } from "@ossaat/contracts";
import type { ToolEvent, ToolService, WorkspaceService } from "@ossaat/contracts";
import { activeTraceId, callSpan, openSpan, startTracing } from "@ossaat/telemetry";
import type { SpanLine } from "@ossaat/telemetry";
import { afterAll, expect, test } from "vitest";

import { connectToolRunner } from "./grpc-client.ts";
import { serveToolRunner } from "./serve-grpc.ts";
import { collectEvents, makeInvocation } from "./testing/open-runner.ts";
import { makeTempDir } from "./testing/temp-dir.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

const caller = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const occurredAt = "2026-01-01T00:00:00.000Z";
const done: ToolEvent = { seq: 2, state: "completed", occurredAt, summary: "done", output: { text: "done" } };

test("a stream, a call that fails and a health check", async () => {
  mkdirSync(dir.path, { recursive: true });
  const file = dir.at("trace.jsonl");
  const tracing = await startTracing({ serviceName: "runner", version: "1", traceFile: file });
  const inside: (string | undefined)[] = [];
  const tools: ToolService = {
    async *execute() {
      inside.push(activeTraceId());
      yield { seq: 1, state: "running", occurredAt };
      await new Promise((resolve) => setImmediate(resolve));
      inside.push(activeTraceId());
      yield done;
    },
    cancel: () => Promise.resolve(),
    health: () => Promise.resolve({ status: "serving", sandbox: { driver: "none", detail: "" } }),
  };
  const inspect = () => Promise.reject(new AgentError("not_found", "CANARY-CONTENT"));
  const server = await serveToolRunner({
    tools,
    workspaces: { inspect } as unknown as WorkspaceService,
    address: `unix:${dir.at("traced.sock")}`,
    openSpan: (call) => openSpan(callSpan(call)),
    log: { warn: () => undefined },
  });
  let trace: string | undefined = `00-${caller.traceId}-${caller.spanId}-01`;
  const client = connectToolRunner(server.address, { currentTrace: () => trace });
  const invocation = makeInvocation("run_command", { argv: ["true"] });
  expect((await collectEvents(client.tools.execute(invocation))).map(({ state }) => state)).toEqual([
    "running",
    "completed",
  ]);
  await expect(client.workspaces.inspect({ path: "/x" })).rejects.toMatchObject({ code: "not_found" });
  trace = undefined;
  await client.tools.health();
  client.close();
  await server.close(0);
  await tracing.shutdown();
  const text = readFileSync(file, "utf8");
  const spans = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as SpanLine);
  const stream = spans.find(({ name }) => name === "agent.v1.AgentService/ExecuteToolStream");
  const seen = spans.map(({ name, kind, status, traceId, parentSpanId }) => [
    name,
    kind,
    status,
    traceId === caller.traceId,
    parentSpanId,
  ]);
  expect(seen).toEqual([
    ["run_tool run_command", "internal", "ok", true, stream?.spanId],
    ["agent.v1.AgentService/ExecuteToolStream", "server", "ok", true, caller.spanId],
    ["agent.v1.WorkspaceService/Inspect", "server", "error", true, caller.spanId],
    // Nobody's: it begins a trace of its own.
    ["agent.v1.AgentService/Health", "server", "ok", false, undefined],
  ]);
  expect(stream?.attributes).toEqual({
    "rpc.system.name": "grpc",
    "rpc.method": "agent.v1.AgentService/ExecuteToolStream",
  });
  expect(spans[2]?.attributes["error.type"]).toBe("not_found");
  expect(inside).toEqual([caller.traceId, caller.traceId]);
  expect(text).not.toContain("CANARY");
});
