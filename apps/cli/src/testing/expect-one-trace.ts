// What the spans of a deployment have to say of one plan, whatever carried its jobs.
import { readExposition } from "@ossaat/telemetry/testing";
import { expect } from "vitest";

import type { ReceivedSpan } from "./otlp-receiver.ts";
import { caller, collectorKey } from "./trace-on-fleet.ts";
import type { TracedRun } from "./trace-on-fleet.ts";

/** Names from a span up to the caller, each with the process it is of. */
function lineage(spans: readonly ReceivedSpan[], span: ReceivedSpan | undefined): string[] {
  if (span === undefined) return [];
  const above = spans.find(({ spanId }) => spanId === span.parentSpanId);
  const last = span.parentSpanId === caller.spanId ? ["the caller"] : ["nobody"];
  return [
    `${span.service.replace("ossaat-", "")}: ${span.name}`,
    ...(above === undefined ? last : lineage(spans, above)),
  ];
}

/** Every process tells what it did, in one text format, and no secret. @param depth at the broker; absent = there is none */
export function expectScrapes({ scrapes }: TracedRun, depth?: number): void {
  const of = (name: keyof typeof scrapes) => readExposition(scrapes[name]);
  const pool = { pool: "default" };
  expect({
    gateway: of("gateway").sum("ossaat_http_request_seconds_count", { route: "/plans", method: "POST" }) > 0,
    api: of("api-0").sum("ossaat_http_request_seconds_count", { route: "/plans", method: "POST" }) > 0,
    stores: [of("api-0").value("ossaat_store_up"), of("worker-0").value("ossaat_store_up")],
    queues: [of("api-0").value("ossaat_queue_up"), of("worker-0").value("ossaat_queue_up")],
    depth: of("worker-0").value("ossaat_broker_depth", pool),
    dead: of("worker-0").value("ossaat_dead_letters", pool),
    // An API runs no steps.
    slots: [of("api-0").sum("ossaat_slots"), of("worker-0").sum("ossaat_slots")],
    agents: of("worker-0").sum("ossaat_step_seconds_count", { kind: "agent", outcome: "ok" }),
    ends: of("worker-0").value("ossaat_events_total", { type: "plan.finished" }),
  }).toEqual({
    gateway: true,
    api: true,
    stores: [1, 1],
    queues: [1, 1],
    depth,
    dead: 0,
    slots: [0, 4],
    agents: 1,
    ends: 1,
  });
  const calls = of("worker-0").sum("ossaat_tool_call_seconds_count");
  expect([calls > 0, of("runner").sum("ossaat_tool_run_seconds_count")]).toEqual([true, calls]);
  expect(Object.values(scrapes).join("")).not.toMatch(new RegExp(`${collectorKey}|CANARY-GOAL|plan-[0-9a-f]`, "u"));
}

export function expectOneTrace({ status, planId, received }: TracedRun): void {
  const { problems, requests, spans } = received;
  expect([status, problems]).toEqual(["succeeded", []]);
  const own = spans.filter(({ traceId }) => traceId === caller.traceId);
  expect(new Set(own.map(({ service }) => service))).toEqual(
    new Set([
      "ossaat-gateway",
      "ossaat-orchestrator-api",
      "ossaat-orchestrator-worker",
      "ossaat-tool-runner",
      "ossaat-indexer",
    ]),
  );
  const created = [
    "orchestrator-api: create_plan",
    "orchestrator-api: POST /plans",
    "gateway: POST /plans",
    "the caller",
  ];
  const step = ["orchestrator-worker: step agent", "orchestrator-worker: process ossaat.jobs.default", ...created];
  const ofStep = (name: RegExp) =>
    own.find(({ name: other, attributes }) => name.test(other) && attributes["ossaat.step.id"] === "a0");
  const run = ofStep(/^run_tool /u);
  expect(lineage(own, run)).toEqual([
    `tool-runner: ${run?.name}`,
    "tool-runner: agent.v1.AgentService/ExecuteToolStream",
    `orchestrator-worker: ${run?.name.replace("run_tool", "execute_tool")}`,
    ...step,
  ]);
  expect(lineage(own, ofStep(/^chat /u)).slice(1)).toEqual(step);
  const index = own.find(({ service }) => service === "ossaat-indexer");
  expect(lineage(own, index).at(-1)).toBe("the caller");
  // Whatever a worker did for the plan is in that trace, and nothing of it in another.
  const ofPlan = spans.filter(
    ({ service, attributes }) => service.endsWith("worker") && attributes["ossaat.plan.id"] === planId,
  );
  expect([ofPlan.length > 5, ofPlan.filter(({ traceId }) => traceId !== caller.traceId)]).toEqual([true, []]);
  for (const request of requests) {
    const [headers = "", body = ""] = request.split("\n");
    expect(headers).toContain(`Bearer ${collectorKey}`);
    expect(body).toContain("of-a-test");
    expect(body).not.toMatch(new RegExp(`${collectorKey}|CANARY-GOAL`, "u"));
  }
}
