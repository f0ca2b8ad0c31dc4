// The spans of a worker: each attempt in the trace of its plan, linked to the one before it.
import { readFileSync } from "node:fs";
import path from "node:path";

import { testPlan, testStep } from "@ossaat/contracts/testing";
import { continueTrace, startTracing, traceIdOf, withSpan } from "@ossaat/telemetry";
import type { SpanLine, Tracing } from "@ossaat/telemetry";
import { afterEach, beforeEach, expect, test } from "vitest";

import { planRowOf } from "../testing/look.ts";
import { endByLastStep, messagesOf } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createEmbeddedQueue } from "./adapters/embedded.ts";
import { completeStep, failStep } from "./end-step.ts";
import type { Claim } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { sweepTimers } from "./sweep.ts";
import { createWorker } from "./worker.ts";

let engine: TestEngine;
let tracing: Tracing | undefined;
const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const plan = testPlan([testStep("a")]);

beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(async () => {
  await tracing?.shutdown();
  tracing = undefined;
  await engine.remove();
});

/** Runs the plan; its step fails once. */
async function runPlan(): Promise<void> {
  const queue = createEmbeddedQueue({ store: engine.store, clock: engine.clock, onError: () => undefined });
  engine.wakeQueue = () => queue.wake();
  const runStep = (claim: Claim) =>
    withSpan({ name: `step ${claim.stepId} ${claim.attempt}` }, async () => {
      if (claim.step.kind === "finish") return endByLastStep(engine, claim);
      if (claim.attempt > 1) return completeStep(engine, claim, { summary: "done", head: "h" });
      return failStep(engine, claim, { reason: "internal", code: "unavailable", message: "away", retryable: true });
    });
  const worker = createWorker({ engine, queue, runStep, workerId: "w", pool: "default", slots: 1 });
  worker.start();
  await waitUntil("the end", async () => {
    engine.clock.advance(jobEngineLimits.maxBackoffMs);
    await sweepTimers(engine);
    return (await planRowOf(engine, plan.id)).status === "succeeded";
  });
  await worker.stop();
  await queue.close({ drainMs: 1_000 });
}

test("an attempt belongs to the trace of its plan and links to the attempt before; a stale message says so", async () => {
  const file = path.join(engine.folder, "trace.jsonl");
  tracing = await startTracing({ serviceName: "worker", version: "1", traceFile: file });
  await continueTrace(caller, () => storeApproved(engine, plan));
  const [message] = await messagesOf(engine, plan.id);
  expect([(await planRowOf(engine, plan.id)).traceparent, message?.traceparent]).toEqual([caller, caller]);
  if (message === undefined) throw new Error("there is no message");
  const again = { ...message, messageId: "again", attempt: 7 };
  const row = {
    id: again.messageId,
    pool: again.pool,
    dedupe_id: "again",
    plan_id: plan.id,
    step_id: again.stepId,
    tenant_id: again.tenantId,
    priority: 0,
    envelope_json: JSON.stringify(again),
    available_at: 0,
    claimed_until: 0,
  };
  await engine.store.tx((tx) => tx.insertInto("outbox").values(row).execute());
  await runPlan();
  const spans = readFileSync(file, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as SpanLine);
  const taken = spans.filter(({ kind }) => kind === "consumer");
  const seen = taken.map(({ name, parentSpanId, attributes, links = [] }) => ({
    name,
    step: `${String(attributes["ossaat.step.id"])} ${String(attributes["ossaat.attempt"])}`,
    isStale: attributes["ossaat.stale"],
    isOfPlan: parentSpanId === "b7ad6b7169203331",
    links: links.map((link) => taken.find(({ spanId }) => spanId === link.spanId)?.attributes["ossaat.attempt"]),
  }));
  const name = "process ossaat.jobs.default";
  expect(seen.toSorted((a, b) => (a.step < b.step ? -1 : 1))).toEqual([
    { name, step: "a 1", isStale: false, isOfPlan: true, links: [] },
    { name, step: "a 2", isStale: false, isOfPlan: true, links: [1] },
    { name, step: "a 7", isStale: true, isOfPlan: true, links: [] },
    { name, step: "plan.finish 1", isStale: false, isOfPlan: true, links: [] },
  ]);
  const works = spans.filter(({ name: other }) => other.startsWith("step "));
  expect(
    works.map((work) => taken.find(({ spanId }) => spanId === work.parentSpanId)?.attributes["ossaat.step.id"]),
  ).toEqual(["a", "a", "plan.finish"]);
  expect(new Set(spans.map(({ traceId }) => traceId))).toEqual(new Set([traceIdOf(caller)]));
});

test("without tracing attempts name no span", async () => {
  await storeApproved(engine, plan);
  await runPlan();
  const rows = await engine.store.read.selectFrom("attempt").select("traceparent").execute();
  expect(rows).toEqual([{ traceparent: null }, { traceparent: null }, { traceparent: null }]);
});
