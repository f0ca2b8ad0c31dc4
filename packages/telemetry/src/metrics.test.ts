import { expect, test } from "vitest";

import { boundedLabel } from "./metrics-registry.ts";
import { countHeld, countStale, countStream, measureAppend, measureClaim } from "./metrics.ts";
import {
  modelTurnEnd,
  modelTurnSpan,
  requestEnd,
  requestSpan,
  stepSpan,
  toolCallSpan,
  toolRunSpan,
} from "./product-spans.ts";
import { renderMetrics } from "./render-metrics.ts";
import { serveMetrics } from "./serve-metrics.ts";
import { readExposition } from "./testing/read-exposition.ts";
import { openSpan, withSpan } from "./with-span.ts";

const ids = { planId: "plan-1", stepId: "edit", attempt: 1 };
const scrape = async () => readExposition(await renderMetrics());

/** What is counted from now on: other test files of this worker have counted before. */
async function startCounting() {
  const before = await scrape();
  return async () => {
    const after = await scrape();
    return (name: string, labels: Record<string, string> = {}) =>
      (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
  };
}

const fails = () => Promise.reject(new Error("as thrown"));

const turn = { ...ids, provider: "vendor", model: 'm"1', agent: "x", turn: 1, requestAttempt: 1, scripted: false };
const ended = (costUsd: number | null) =>
  modelTurnEnd({
    finishReason: "stop",
    usage: { input: { total: 100 }, output: { total: 7 } },
    costUsd,
    toolCalls: 0,
  });

test("spans are measured by kind, name and outcome, with tracing off", async () => {
  const count = await startCounting();
  await withSpan(stepSpan({ ...ids, kind: "agent", tenantId: "local" }), () => Promise.resolve());
  await withSpan(stepSpan({ ...ids, kind: "agent", tenantId: "local" }), async (span) => span.fail("budget"));
  await withSpan(toolCallSpan({ ...ids, tool: "read_file", callId: "c", argsHash: "h" }), () => Promise.resolve());
  await expect(withSpan(toolRunSpan({ ...ids, tool: "read_file" }), fails)).rejects.toThrow("as thrown");
  const request = openSpan(requestSpan({ method: "GET", route: "/plans/{planId}" }));
  request.set(requestEnd({ status: 404, requestId: "r" }));
  request.end();
  request.end();
  const grown = await count();
  expect({
    well: grown("ossaat_step_seconds_count", { kind: "agent", outcome: "ok" }),
    badly: grown("ossaat_step_seconds_count", { kind: "agent", outcome: "error" }),
    call: grown("ossaat_tool_call_seconds_count", { tool: "read_file", outcome: "ok" }),
    run: grown("ossaat_tool_run_seconds_count", { tool: "read_file", outcome: "error" }),
    request: grown("ossaat_http_request_seconds_count", {
      method: "GET",
      route: "/plans/{planId}",
      status: "404",
    }),
  }).toEqual({ well: 1, badly: 1, call: 1, run: 1, request: 1 });
});

test("a turn counts its tokens and its cost; an unknown cost is counted apart, a failed turn not at all", async () => {
  const count = await startCounting();
  await withSpan(modelTurnSpan(turn), async (span) => span.set(ended(0.25)));
  await withSpan(modelTurnSpan(turn), async (span) => span.set(ended(null)));
  await expect(withSpan(modelTurnSpan(turn), fails)).rejects.toThrow("as thrown");
  const grown = await count();
  const model = { provider: "vendor", model: 'm"1' };
  expect({
    answered: grown("ossaat_model_turn_seconds_count", { ...model, outcome: "ok" }),
    failed: grown("ossaat_model_turn_seconds_count", { ...model, outcome: "error" }),
    input: grown("ossaat_model_tokens_total", { ...model, type: "input" }),
    output: grown("ossaat_model_tokens_total", { ...model, type: "output" }),
    cost: grown("ossaat_model_cost_usd_total", model),
    unpriced: grown("ossaat_model_unpriced_turns_total", model),
  }).toEqual({ answered: 2, failed: 1, input: 200, output: 14, cost: 0.25, unpriced: 1 });
});

test("what happens in the engine is counted", async () => {
  const count = await startCounting();
  measureClaim({ pool: "p", seconds: 0.002, waitedMs: 9_000 });
  measureClaim({ pool: "p", seconds: 0.002, waitedMs: -5 });
  measureAppend({ seconds: 0.003, types: ["step.started", "step.started", "step.lost"] });
  countStale({ pool: "p" });
  for (let n = 0; n < 3; n += 1) countHeld({ pool: "p" });
  const leave = [countStream(), countStream()];
  leave[0]?.();
  const grown = await count();
  expect({
    claims: grown("ossaat_claim_seconds_count", { pool: "p" }),
    waited: grown("ossaat_queue_wait_seconds_sum", { pool: "p" }),
    appends: grown("ossaat_event_append_seconds_count"),
    started: grown("ossaat_events_total", { type: "step.started" }),
    stale: grown("ossaat_stale_total", { pool: "p" }),
    held: grown("ossaat_held_total", { pool: "p" }),
    lost: grown("ossaat_lease_lost_total"),
    streams: grown("ossaat_sse_clients"),
  }).toEqual({ claims: 2, waited: 9, appends: 1, started: 2, stale: 1, held: 3, lost: 1, streams: 1 });
});

test("a scrape tells of the process as well, and of figures it is given", async () => {
  const values = [
    { labels: { pool: "a" }, value: 1 },
    { labels: { pool: "b" }, value: 2 },
  ];
  const text = await renderMetrics([{ name: "ossaat_planted", help: "planted", values }]);
  const read = readExposition(text);
  expect([read.value("ossaat_planted", { pool: "b" }), read.value("process_resident_memory_bytes")]).toEqual([
    2,
    expect.any(Number),
  ]);
  expect(text).not.toMatch(/tenant|plan-1/u);
});

test("a figure that nobody knows has no series: it is not 0", async () => {
  const text = await renderMetrics([{ name: "ossaat_unknown", help: "not asked", values: [] }]);
  expect(text).not.toMatch(/^ossaat_unknown/mu);
});

test("a label that others choose is kept to a few values", () => {
  const bounded = boundedLabel(2);
  expect(["a", "b", "c", "a", "d"].map(bounded)).toEqual(["a", "b", "other", "a", "other"]);
});

test("a process without a port of its own answers scrapes on the loopback interface, and nothing else", async () => {
  const server = await serveMetrics(0);
  expect(new URL(server.url).hostname).toBe("127.0.0.1");
  const answer = await fetch(server.url);
  expect(answer.headers.get("content-type")).toMatch(/^text\/plain; version=0\.0\.4/u);
  expect(readExposition(await answer.text()).families.has("ossaat_tool_run_seconds")).toBe(true);
  expect((await fetch(new URL("/other", server.url))).status).toBe(404);
  expect((await fetch(server.url, { method: "POST" })).status).toBe(404);
  await server.close();
  await expect(fetch(server.url)).rejects.toThrow("fetch failed");
});
