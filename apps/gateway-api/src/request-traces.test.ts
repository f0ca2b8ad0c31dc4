import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";
import { activeTraceId, renderMetrics, startTracing } from "@ossaat/telemetry";
import type { SpanLine, Tracing } from "@ossaat/telemetry";
import { readExposition } from "@ossaat/telemetry/testing";
import express from "express";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createGateway } from "./create-gateway.ts";

const token = "token-of-the-local-user";
const planId = "plan-63b314a5-0086-4365-b7d5-94b912e573f4";
const incoming = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const traceparent = `00-${incoming.traceId}-${incoming.spanId}-01`;

let folder: string;
let file: string;
let server: Server;
let url: string;
let tracing: Tracing | undefined;

/** Answers with the trace its handler runs in, after the body was read from the socket. */
function upstream() {
  const app = express();
  app.use(express.json());
  app.get("/plans/:planId/diff", () => {
    throw new AgentError("internal", "CANARY");
  });
  app.use((request, response) => {
    response.json({ traceId: activeTraceId() ?? null, body: (request.body as unknown) ?? null });
  });
  return app;
}

async function startGateway(): Promise<void> {
  const gateway = createGateway({
    upstream: upstream(),
    mintToken: () => Promise.resolve("internal"),
    token,
    localUser: "me",
    allowedHosts: ["127.0.0.1"],
    version: "1",
    ready: () => Promise.resolve(),
    metrics: () => renderMetrics(),
    onActivity: () => undefined,
    log: { error: () => undefined },
  });
  server = createServer(gateway as unknown as RequestListener);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), "ossaat-gateway-"));
  file = path.join(folder, "trace.jsonl");
  await startGateway();
});

afterEach(async () => {
  await tracing?.shutdown();
  tracing = undefined;
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  rmSync(folder, { recursive: true });
});

type Ask = { method?: string; body?: string; headers?: Record<string, string> };

async function ask(address: string, init: Ask = {}) {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", ...init.headers };
  const response = await fetch(`${url}${address}`, { ...init, headers });
  const body = (await response.json()) as Record<string, unknown>;
  return { status: response.status, traceId: response.headers.get("x-trace-id"), body };
}

/** The spans written, free of any planted text; a span ends a moment after its answer arrived. */
async function spans(count: number): Promise<SpanLine[]> {
  const read = () =>
    readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as SpanLine);
  await expect.poll(() => read().length).toBe(count);
  expect(readFileSync(file, "utf8")).not.toContain("CANARY");
  return read();
}

describe("with tracing", () => {
  beforeEach(async () => {
    tracing = await startTracing({ serviceName: "ossaat", version: "1", traceFile: file });
  });

  test("x-trace-id is the trace of the span, and of what the handler does", async () => {
    const answer = await ask("/plans", { method: "POST", body: JSON.stringify({ goal: "CANARY" }) });
    expect(answer.body).toEqual({ traceId: answer.traceId, body: { goal: "CANARY" } });
    const [span] = await spans(1);
    expect(span).toMatchObject({
      name: "POST /plans",
      kind: "server",
      traceId: answer.traceId,
      status: "ok",
      attributes: { "http.request.method": "POST", "http.route": "/plans", "http.response.status_code": 200 },
    });
    expect(span?.parentSpanId).toBeUndefined();
  });

  test("an incoming traceparent is continued", async () => {
    const answer = await ask(`/plans/${planId}?token=CANARY`, { headers: { traceparent } });
    expect(answer.traceId).toBe(incoming.traceId);
    expect(await spans(1)).toMatchObject([
      {
        name: "GET /plans/{planId}",
        traceId: incoming.traceId,
        parentSpanId: incoming.spanId,
        attributes: { "ossaat.plan.id": planId },
      },
    ]);
  });

  test("an answer of 5xx is a failed span; a refusal is not", async () => {
    expect((await ask(`/plans/${planId}/diff`)).status).toBe(500);
    const wrong = await ask("/status", { headers: { authorization: "Bearer CANARY" } });
    expect([wrong.status, wrong.body]).toEqual([
      401,
      expect.objectContaining({
        details: expect.objectContaining({ next: expect.stringMatching(/OSSAAT_TOKEN.*OSSAAT_API_TOKEN/u) }),
      }),
    ]);
    const found = await spans(2);
    expect(found.map(({ name, status, attributes }) => [name, status, attributes["error.type"]])).toEqual([
      ["GET /plans/{planId}/diff", "error", "500"],
      ["GET /status", "ok", undefined],
    ]);
  });

  test("a path that is no route names no span", async () => {
    await ask("/CANARY/path");
    expect(await spans(1)).toMatchObject([{ name: "GET" }]);
  });

  test("probes have no span, and an id all the same", async () => {
    for (const probe of ["/healthz", "/readyz"]) expect((await ask(probe)).traceId).toMatch(/^[0-9a-f]{32}$/);
    await ask("/openapi.json");
    expect((await spans(1)).map(({ name }) => name)).toEqual(["GET /openapi.json"]);
  });
});

describe("without tracing", () => {
  test("a request has a trace id of its own, or its caller's", async () => {
    const own = await ask("/plans");
    expect(own.traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(own.body["traceId"]).toBeNull();
    expect((await ask("/plans")).traceId).not.toBe(own.traceId);
    expect((await ask("/plans", { headers: { traceparent } })).traceId).toBe(incoming.traceId);
  });

  test("a scrape is for who brings the token, and tells of requests by the template of their route", async () => {
    const scrape = (headers: Record<string, string>) => fetch(`${url}/metrics`, { headers });
    expect((await scrape({})).status).toBe(401);
    const series = { method: "GET", route: "/plans/{planId}", status: "401" };
    const count = async () => {
      const text = await (await scrape({ authorization: `Bearer ${token}` })).text();
      expect(text).not.toMatch(new RegExp(`${planId}|/metrics`, "u"));
      return readExposition(text).value("ossaat_http_request_seconds_count", series) ?? 0;
    };
    const before = await count();
    for (const id of [planId, planId]) await ask(`/plans/${id}`, { headers: { authorization: "Bearer other" } });
    await expect.poll(count).toBe(before + 2);
  });
});
