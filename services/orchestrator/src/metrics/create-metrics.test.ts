// What a scrape says is what the database says, after work that was really done.
import { readFileSync } from "node:fs";

import { testStep } from "@ossaat/contracts/testing";
import { readExposition } from "@ossaat/telemetry/testing";
import type { Exposition } from "@ossaat/telemetry/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createOrchestrator } from "../compose/orchestrator.ts";
import type { Orchestrator } from "../compose/orchestrator.ts";
import { openAgentStack } from "../testing/agent-stack.ts";
import type { AgentStack } from "../testing/agent-stack.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { metricsLimits } from "./limits.ts";

let stack: AgentStack;
let orchestrator: Orchestrator;
let planId: string;

const changed = "export const a = 2;\n";

beforeAll(async () => {
  stack = await openAgentStack({ files: { "src/a.ts": "export const a = 1;\n" } });
  const composed = { ...stack.engine, ...stack.parts, sandbox: "none" as const, version: "1.2.3", slots: 4 };
  const own = { internalKey: new Uint8Array(32).fill(7), stateDir: stack.engine.folder, providerKeys: [] };
  orchestrator = createOrchestrator({ ...composed, ...own });
  const model = stack.script([
    {
      match: { agent: "code-writer", turn: 1 },
      reply: {
        toolCalls: [
          { name: "write_file", input: { path: "src/a.ts", content: changed, overwrite: true } },
          { name: "read_file", input: { path: "src/missing.ts" } },
        ],
        usage: { inputTokens: 1_000, outputTokens: 20, costUsd: 0.5 },
      },
    },
    {
      match: { agent: "code-writer", turn: 2 },
      reply: {
        toolCalls: [{ name: "finish", input: { summary: "Done." } }],
        usage: { inputTokens: 1_000, outputTokens: 20, costUsd: 0.25 },
      },
    },
  ]);
  planId = await stack.process().storePlan([testStep("a")], { model });
});
afterAll(async () => {
  await orchestrator.stop();
  await stack.remove();
});

const scrape = async () => readExposition(await orchestrator.metrics());
const pool = { pool: "default" };

function figuresOf(read: Exposition) {
  return {
    up: read.value("ossaat_store_up"),
    ready: read.value("ossaat_jobs_ready", pool),
    oldest: read.value("ossaat_oldest_ready_seconds", pool),
    running: read.value("ossaat_jobs_running", pool),
    backoff: read.value("ossaat_jobs_backoff", pool),
    reconcile: read.value("ossaat_jobs_needs_reconcile", pool),
    outbox: read.value("ossaat_outbox_messages", pool),
    lag: read.value("ossaat_outbox_lag_seconds"),
    queueUp: read.value("ossaat_queue_up"),
    depth: read.value("ossaat_broker_depth", pool),
    dead: read.value("ossaat_dead_letters", pool),
    busy: read.value("ossaat_slots", { ...pool, state: "busy" }),
    free: read.value("ossaat_slots", { ...pool, state: "free" }),
  };
}

test("a backlog is told with its age, however often it is asked for", async () => {
  stack.engine.clock.advance(7_000);
  const first = await scrape();
  const waiting = {
    up: 1,
    ready: 1,
    oldest: 7,
    running: 0,
    backoff: 0,
    reconcile: 0,
    outbox: 1,
    lag: 7,
    queueUp: 1,
    // Without a broker the outbox is the queue, and nothing waits elsewhere.
    depth: undefined,
    dead: 0,
    busy: 0,
    free: 4,
  };
  expect(figuresOf(first)).toEqual(waiting);
  // What changes meanwhile is told by the next reading, not by the next scrape.
  const set = (status: "needs_reconcile" | "ready") =>
    stack.engine.store.tx((tx) => tx.updateTable("step").set({ status }).where("plan_id", "=", planId).execute());
  await set("needs_reconcile");
  stack.engine.clock.advance(metricsLimits.cacheMs - 1);
  expect(figuresOf(await scrape())).toEqual(waiting);
  stack.engine.clock.advance(1);
  expect(figuresOf(await scrape())).toEqual({ ...waiting, ready: 0, oldest: 0, reconcile: 1, lag: 12 });
  await set("ready");
  stack.engine.clock.advance(metricsLimits.cacheMs);
});

test("after the work every count is that of the log", async () => {
  const before = await scrape();
  await orchestrator.start();
  const { read } = stack.engine.store;
  await waitUntil(
    "the end",
    async () => {
      const plan = await read.selectFrom("plan").select("status").where("id", "=", planId).executeTakeFirstOrThrow();
      return plan.status === "succeeded";
    },
    60_000,
  );
  await orchestrator.stop();
  stack.engine.clock.advance(metricsLimits.cacheMs);
  const after = await scrape();
  const grown = (name: string, labels: Record<string, string> = {}) =>
    after.sum(name, labels) - before.sum(name, labels);
  const attempts = await read.selectFrom("attempt").selectAll().where("plan_id", "=", planId).execute();
  const events = await read.selectFrom("event").selectAll().where("plan_id", "=", planId).execute();
  const told = (type: string) => events.filter((event) => event.type === type).length;
  expect(attempts.map(({ step_id: id }) => id).toSorted()).toEqual(["a", "plan.finish"]);
  expect({
    agents: grown("ossaat_step_seconds_count", { kind: "agent", outcome: "ok" }),
    finishes: grown("ossaat_step_seconds_count", { kind: "finish", outcome: "ok" }),
    claims: grown("ossaat_claim_seconds_count", pool),
    waits: grown("ossaat_queue_wait_seconds_sum", pool),
    turns: grown("ossaat_model_turn_seconds_count", { provider: "scripted", outcome: "ok" }),
    tokens: grown("ossaat_model_tokens_total"),
    cost: grown("ossaat_model_cost_usd_total"),
    calls: grown("ossaat_tool_call_seconds_count"),
    badCalls: grown("ossaat_tool_call_seconds_count", { tool: "read_file", outcome: "error" }),
    toolEvents: grown("ossaat_events_total", { type: "tool.finished" }),
    ends: grown("ossaat_events_total", { type: "plan.finished" }),
    lost: grown("ossaat_lease_lost_total"),
  }).toEqual({
    agents: 1,
    finishes: 1,
    claims: 2,
    // It was ready for so long before a worker was there.
    waits: 17,
    turns: told("model.finished"),
    tokens: 2_040,
    cost: 0.75,
    calls: 2,
    badCalls: 1,
    toolEvents: told("tool.finished"),
    ends: 1,
    lost: 0,
  });
  expect(figuresOf(after)).toMatchObject({ ready: 0, running: 0, oldest: 0, outbox: 0, lag: 0 });
  expect(await orchestrator.metrics()).not.toMatch(/tenant\w*=|"local"|plan-[0-9a-f]|src\/a\.ts/u);
});

test("the page of metrics names what is emitted, no more and no less", async () => {
  const page = readFileSync(new URL("../../../../docs/architecture/metrics.md", import.meta.url), "utf8");
  // Told where there is a broker alone.
  const ofBrokers = ["ossaat_broker_depth"];
  const named = [...page.matchAll(/ossaat_\w+/gu)].map(([name]) => name.replace(/_(?:bucket|count|sum)$/u, ""));
  const emitted = [...(await scrape()).families.keys()].filter((name) => name.startsWith("ossaat_"));
  expect([...new Set(named)].toSorted()).toEqual([...emitted, ...ofBrokers].toSorted());
});
