import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";

import { ProxyTracerProvider, context, trace } from "@opentelemetry/api";
import { AgentError } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { createLogger } from "./create-logger.ts";
import type { SpanLine } from "./file-exporter.ts";
import { activeSpanIds, activeTraceId, continueTrace, currentTraceparent, traceIdOf } from "./trace-context.ts";
import { readTracingSettings } from "./tracing-settings.ts";
import { startTracing } from "./tracing.ts";
import type { Tracing, TracingOptions } from "./tracing.ts";
import { openSpan, withSpan } from "./with-span.ts";

const knownSecret = "plain-canary-value";
const shapedSecret = ["sk", "ant", "canary0123456789"].join("-");
const remote = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

let folder: string;
let file: string;
let tracing: Tracing | undefined;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "ossaat-trace-"));
  file = path.join(folder, "trace.jsonl");
});

afterEach(async () => {
  await tracing?.shutdown();
  tracing = undefined;
  rmSync(folder, { recursive: true });
});

async function start(options: Partial<TracingOptions>): Promise<void> {
  tracing = await startTracing({ serviceName: "ossaat", version: "1.2.3", secrets: [knownSecret], ...options });
}

function readLines(): SpanLine[] {
  const text = readFileSync(file, "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as SpanLine);
}

function named(name: string): SpanLine {
  const found = readLines().filter((line) => line.name === name);
  expect(found).toHaveLength(1);
  return found[0] as SpanLine;
}

describe("without a destination", () => {
  test("nothing is registered and no span records", async () => {
    await start({});
    const provider = trace.getTracerProvider();
    expect(provider instanceof ProxyTracerProvider ? provider.getDelegateTracer("x") : "real").toBeUndefined();
    expect(trace.getTracer("x").startSpan("a").isRecording()).toBe(false);
    const seen = await withSpan({ name: "a", traceparent: remote }, (span) => {
      span.set({ key: 1 });
      span.fail("code");
      return Promise.resolve([activeTraceId(), activeSpanIds(), currentTraceparent()]);
    });
    expect(seen).toEqual([undefined, {}, undefined]);
    expect(continueTrace(remote, () => currentTraceparent())).toBeUndefined();
    expect(context.active()).toBe(continueTrace(remote, () => context.active()));
  });

  test("errors and results pass through", async () => {
    const error = new Error("as thrown");
    await expect(withSpan({ name: "a" }, () => Promise.reject(error))).rejects.toBe(error);
    await expect(withSpan({ name: "a" }, () => Promise.resolve(7))).resolves.toBe(7);
  });
});

describe("a trace file", () => {
  test("holds one object a line, readable by its owner only", async () => {
    await start({ traceFile: file });
    await withSpan(
      { name: "outer", kind: "server", attributes: { a: 1, b: "x", c: true, d: ["y"], e: undefined } },
      () => Promise.resolve(),
    );
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readLines()).toEqual([
      {
        name: "outer",
        kind: "server",
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/) as unknown,
        spanId: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown,
        start: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
        durationMs: expect.any(Number) as unknown,
        status: "ok",
        attributes: { a: 1, b: "x", c: true, d: ["y"] },
        events: [],
      },
    ]);
  });

  test("of an earlier run is continued, and closed to others", async () => {
    writeFileSync(file, '{"name":"before"}\n', { mode: 0o644 });
    chmodSync(file, 0o644);
    await start({ traceFile: file });
    await withSpan({ name: "after" }, () => Promise.resolve());
    expect(readLines().map(({ name }) => name)).toEqual(["before", "after"]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("that cannot be opened is an error at the start, and tracing stays off", async () => {
    await expect(start({ traceFile: path.join(folder, "no", "such", "folder") })).rejects.toMatchObject({
      code: "ENOENT",
    });
    expect(trace.getTracer("x").startSpan("a").isRecording()).toBe(false);
  });

  test("that is full breaks nothing and is reported once", async () => {
    const problems: string[] = [];
    await start({ traceFile: "/dev/full", onProblem: (error) => problems.push(error.message) });
    for (const result of [1, 2])
      await expect(withSpan({ name: "a" }, () => Promise.resolve(result))).resolves.toBe(result);
    await tracing?.shutdown();
    expect(problems).toEqual([expect.stringContaining("ENOSPC")]);
  });
});

describe("spans", () => {
  beforeEach(() => start({ traceFile: file }));

  test("nest over awaits and keep concurrent work apart", async () => {
    const child = async (name: string) => {
      await new Promise((resolve) => setImmediate(resolve));
      await withSpan({ name }, () => Promise.resolve());
    };
    const parent = (name: string) => withSpan({ name }, () => child(`${name}.child`));
    await Promise.all([parent("one"), parent("two")]);
    for (const name of ["one", "two"]) {
      const [outer, inner] = [named(name), named(`${name}.child`)];
      expect([inner.traceId, inner.parentSpanId]).toEqual([outer.traceId, outer.spanId]);
      expect(outer.parentSpanId).toBeUndefined();
    }
    expect(named("one").traceId).not.toBe(named("two").traceId);
  });

  test("continue the trace of a traceparent, and hand theirs on", async () => {
    const handed = await withSpan({ name: "server", traceparent: remote }, () => Promise.resolve(currentTraceparent()));
    const { traceId, spanId, parentSpanId } = named("server");
    expect([traceId, parentSpanId]).toEqual(["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"]);
    expect(handed).toBe(`00-${traceId}-${spanId}-01`);
    expect(traceIdOf(handed)).toBe(traceId);
  });

  test.each([
    "",
    "nonsense",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  ])("begin a trace of their own when the traceparent is %j", async (traceparent) => {
    await withSpan({ name: "server", traceparent }, () => Promise.resolve());
    expect(named("server").parentSpanId).toBeUndefined();
    expect(traceIdOf(traceparent)).toBeUndefined();
  });

  test("continueTrace leaves the trace that runs", async () => {
    await withSpan({ name: "request" }, async () => {
      await continueTrace(remote, () => withSpan({ name: "delivered" }, () => Promise.resolve()));
      await continueTrace(undefined, () => withSpan({ name: "untraced" }, () => Promise.resolve()));
      await continueTrace("nonsense", () => withSpan({ name: "malformed" }, () => Promise.resolve()));
    });
    expect(named("delivered").traceId).toBe("0af7651916cd43dd8448eb211c80319c");
    for (const name of ["untraced", "malformed"]) {
      expect(named(name).parentSpanId).toBeUndefined();
      expect(named(name).traceId).not.toBe(named("request").traceId);
    }
  });

  test("record what is thrown by class, code and frames, without its message", async () => {
    const error = new AgentError("tool_failed", "the file says CANARY-CONTENT");
    await expect(withSpan({ name: "failing" }, () => Promise.reject(error))).rejects.toBe(error);
    expect(named("failing")).toMatchObject({
      status: "error",
      attributes: { "error.type": "tool_failed" },
      events: [
        {
          name: "exception",
          attributes: {
            "exception.type": "AgentError",
            "exception.stacktrace": expect.stringContaining("tracing.test.ts") as unknown,
          },
        },
      ],
    });
    expect(readFileSync(file, "utf8")).not.toContain("CANARY-CONTENT");
  });

  test.each<[unknown, string]>([
    [new TypeError("x"), "TypeError"],
    [Object.assign(new Error("x"), { code: "ENOENT" }), "ENOENT"],
    [new DOMException("x", "AbortError"), "AbortError"],
    ["text", "string"],
  ])("name the failure %s as %s", async (thrown, code) => {
    await expect(withSpan({ name: "failing" }, () => Promise.reject(thrown as Error))).rejects.toBe(thrown);
    expect(named("failing").attributes["error.type"]).toBe(code);
  });

  test("may fail as data", async () => {
    await withSpan({ name: "failed" }, (span) => {
      span.set({ count: 3 });
      span.fail("limit_exceeded");
      return Promise.resolve();
    });
    expect(named("failed")).toMatchObject({
      status: "error",
      attributes: { count: 3, "error.type": "limit_exceeded" },
      events: [],
    });
  });

  test("name themselves in the log lines written inside them", async () => {
    const lines: Record<string, unknown>[] = [];
    const destination = { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) };
    const log = createLogger({ service: "ossaat", version: "1", level: "info", destination });
    await withSpan({ name: "working" }, async () => log.info({}, "inside"));
    log.info({}, "outside");
    const { traceId, spanId } = named("working");
    expect(lines[0]).toMatchObject({ msg: "inside", traceId, spanId });
    expect(Object.keys(lines[1] ?? {})).not.toContain("traceId");
  });

  test("that are opened end when they are told to", async () => {
    const span = openSpan({ name: "opened" });
    await span.run(() => withSpan({ name: "inside" }, () => Promise.resolve()));
    expect(readLines().map(({ name }) => name)).toEqual(["inside"]);
    span.end();
    expect(named("inside").parentSpanId).toBe(named("opened").spanId);
  });

  test("of a caller who does not sample are not recorded", async () => {
    const traceId = await withSpan({ name: "unsampled", traceparent: remote.replace(/01$/, "00") }, () =>
      Promise.resolve(activeTraceId()),
    );
    expect(traceId).toBe("0af7651916cd43dd8448eb211c80319c");
    expect(readLines()).toEqual([]);
  });
});

test.each<[string, string | undefined, string[]]>([
  ["always_on", undefined, ["own", "sampled", "unsampled"]],
  ["always_off", undefined, []],
  ["traceidratio", "0", []],
  ["parentbased_always_on", undefined, ["own", "sampled"]],
  ["parentbased_always_off", undefined, ["sampled"]],
  ["parentbased_traceidratio", "0", ["sampled"]],
])("the sampler %s %s keeps %j", async (sampler, ratio, kept) => {
  const settings = readTracingSettings({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: ratio });
  await start({ traceFile: file, settings });
  await withSpan({ name: "own" }, () => Promise.resolve());
  await withSpan({ name: "sampled", traceparent: remote }, () => Promise.resolve());
  await withSpan({ name: "unsampled", traceparent: remote.replace(/01$/, "00") }, () => Promise.resolve());
  expect(readLines().map(({ name }) => name)).toEqual(kept);
});

test("links to spans of others are written; what names none is left out", async () => {
  await start({ traceFile: file });
  const span = openSpan({ name: "linked" });
  span.link(remote);
  span.link("nonsense");
  span.link(undefined);
  span.end();
  expect(named("linked").links).toEqual([{ traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }]);
});

const carriers: [string, (secret: string) => Promise<unknown>][] = [
  ["an attribute", (secret) => withSpan({ name: "a", attributes: { note: `got ${secret}` } }, () => Promise.resolve())],
  ["a list", (secret) => withSpan({ name: "a", attributes: { list: ["x", secret] } }, () => Promise.resolve())],
  ["a name", (secret) => withSpan({ name: `GET ${secret}` }, () => Promise.resolve())],
  [
    "a key's value",
    () => withSpan({ name: "a", attributes: { "x.authorization": "whatever" } }, () => Promise.resolve()),
  ],
  ["a status", (secret) => withSpan({ name: "a" }, async (span) => span.fail(secret))],
  ["an event", async (secret) => trace.getTracer("t").startSpan("a").addEvent(secret, { note: secret }).end()],
];

test.each(carriers)("a secret in %s is redacted in the file", async (_name, work) => {
  await start({ traceFile: file });
  for (const secret of [knownSecret, shapedSecret]) await work(secret);
  const text = readFileSync(file, "utf8");
  expect(text.match(/"name":/g)?.length).toBeGreaterThanOrEqual(2);
  expect(text).not.toContain(knownSecret);
  expect(text).not.toContain("canary0123456789");
  expect(text).not.toContain("whatever");
  expect(text).toContain("[redacted]");
});

test("after a shutdown tracing is off and can be started again", async () => {
  await start({ traceFile: file });
  await tracing?.shutdown();
  await withSpan({ name: "lost" }, () => Promise.resolve());
  expect(activeTraceId()).toBeUndefined();
  await start({ traceFile: file });
  await withSpan({ name: "kept" }, () => Promise.resolve());
  expect(readLines().map(({ name }) => name)).toEqual(["kept"]);
});

type Collector = { url: string; requests: { path: string; body: string }[]; server: Server };

function startCollector(answer: "ok" | "never"): Promise<Collector> {
  const requests: Collector["requests"] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push({ path: request.url ?? "", body: Buffer.concat(chunks).toString("utf8") });
      if (answer === "ok") response.setHeader("content-type", "application/json").end("{}");
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, server }),
    );
  });
}

describe("a collector", () => {
  test("gets the spans at the end, redacted, with the service's name", async () => {
    const { url, requests, server } = await startCollector("ok");
    await start({ settings: readTracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: url }) });
    const attributes = { "gen_ai.usage.input_tokens": 42, note: `${knownSecret} ${shapedSecret}` };
    await withSpan({ name: "chat m", kind: "client", attributes }, async (span) => span.fail(shapedSecret));
    await tracing?.shutdown();
    server.close();
    server.closeAllConnections();
    expect(requests.map((request) => request.path)).toEqual(["/v1/traces"]);
    const body = requests[0]?.body ?? "";
    expect(JSON.parse(body)).toMatchObject({
      resourceSpans: [
        {
          resource: {
            attributes: expect.arrayContaining([{ key: "service.name", value: { stringValue: "ossaat" } }]) as unknown,
          },
          scopeSpans: [
            {
              spans: [
                {
                  name: "chat m",
                  attributes: [
                    { key: "gen_ai.usage.input_tokens", value: { intValue: 42 } },
                    { key: "note", value: { stringValue: "[redacted] [redacted]" } },
                    { key: "error.type", value: { stringValue: "[redacted]" } },
                  ],
                  status: { code: 2, message: "[redacted]" },
                },
              ],
            },
          ],
        },
      ],
    });
  });

  test("that never answers neither breaks the work nor holds up the end", async () => {
    const { url, server } = await startCollector("never");
    const problems: string[] = [];
    await start({
      settings: readTracingSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: url }),
      shutdownMs: 50,
      onProblem: (error) => problems.push(error.message),
    });
    await expect(withSpan({ name: "a" }, () => Promise.resolve(1))).resolves.toBe(1);
    await tracing?.shutdown();
    server.close();
    server.closeAllConnections();
    expect(problems).toEqual(["spans were not exported within 50 ms"]);
  });
});
