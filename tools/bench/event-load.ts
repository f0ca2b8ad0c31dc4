// The process in which plans run and events are written while their latency is measured: engine,
// queue, worker and event stream as the server has them, steps that report progress and do nothing.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { PlanId } from "../../packages/contracts/src/index.ts";
import { testPlan, testStep } from "../../packages/contracts/src/testing/index.ts";
import { streamEvents } from "../../services/orchestrator/src/event/stream-events.ts";
import { createEmbeddedQueue } from "../../services/orchestrator/src/job/adapters/embedded.ts";
import { recordProgress } from "../../services/orchestrator/src/job/claim-step.ts";
import { changePlan, systemActor } from "../../services/orchestrator/src/job/engine.ts";
import type { Claim, Engine } from "../../services/orchestrator/src/job/engine.ts";
import { createWorker } from "../../services/orchestrator/src/job/worker.ts";
import { openTestEngine, storeApproved, storeProposal } from "../../services/orchestrator/src/testing/test-engine.ts";

export type LoadRequest = { kind: "start" } | { kind: "probe"; count: number; running: number };
/** When an event was asked for, how long its transaction took, and its number in the log. */
export type Sent = { askedAt: number; tookMs: number; seq: number };
export type LoadAnswer = { url: string; sent: Sent[] };

/** Pause of a running step between two events, ms: a fast agent's turns and calls. */
const stepPauseMs = 100;
/** Pause between two measured events, ms. */
const probePauseMs = 10;

const engine = await openTestEngine();
const planOf = (n: number) =>
  testPlan([testStep("s0", { action: "audit" })], {
    id: PlanId.parse(`plan-00000000-0000-4000-8000-${String(n).padStart(12, "0")}`),
  });
const probePlan = await storeProposal(engine, planOf(0));
let url = "";
let stored = 0;

function serve(): Promise<string> {
  const server = createServer((_request, response) => {
    const controller = new AbortController();
    response.on("close", () => controller.abort());
    const stream = { planId: probePlan, afterSeq: 0, signal: controller.signal };
    streamEvents(engine, response as unknown as Parameters<typeof streamEvents>[1], stream).catch(() =>
      response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  return once(server, "listening").then(() => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
}

/** Runs `count` plans, each with a step that reports progress until it is stopped. */
async function runPlans(count: number): Promise<() => Promise<void>> {
  const { store, clock } = engine;
  const queue = createEmbeddedQueue({ store, clock, onError: (error) => console.error(error) });
  engine.wakeQueue = () => queue.wake();
  const runStep = async (claim: Claim, signal: AbortSignal) => {
    for (let turn = 1; !signal.aborted; turn += 1) {
      const data = { afterTurn: turn, kind: "notice", text: "x".repeat(400) };
      await recordProgress(engine, claim, { type: "guidance.added", data });
      await sleep(stepPauseMs, undefined, { signal }).catch(() => undefined);
    }
    throw new Error("stopped");
  };
  const worker = createWorker({ engine, queue, runStep, workerId: "load", pool: "default", slots: count || 1 });
  for (let n = 0; n < count; n += 1) await storeApproved(engine, planOf((stored += 1)));
  worker.start();
  if (count > 0) await waitUntilRunning(engine, count);
  return async () => {
    await worker.stop();
    await queue.close({ drainMs: 1_000 });
    engine.wakeQueue = () => undefined;
    await engine.store.tx(async (tx) => {
      await tx.deleteFrom("outbox").execute();
      await tx.updateTable("step").set({ status: "cancelled" }).where("plan_id", "!=", probePlan).execute();
    });
  };
}

async function waitUntilRunning({ store }: Engine, count: number): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const rows = await store.read.selectFrom("step").select("step_id").where("status", "=", "running").execute();
    if (rows.length === count) return;
    await sleep(10);
  }
  throw new Error(`${count} plans do not run`);
}

async function probe(count: number): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (let n = 0; n < count; n += 1) {
    const start = performance.now();
    const seq = await changePlan(engine, { planId: probePlan, actor: systemActor }, async (change) => {
      await change.append({ type: "plan.recorded", data: { revision: 1 } });
      return change.plan.next_seq;
    });
    sent.push({ askedAt: performance.timeOrigin + start, tookMs: performance.now() - start, seq });
    await sleep(probePauseMs);
  }
  return sent;
}

async function answer(request: LoadRequest): Promise<LoadAnswer> {
  if (request.kind === "start") {
    url = await serve();
    return { url, sent: [] };
  }
  const stop = await runPlans(request.running);
  const sent = await probe(request.count);
  await stop();
  return { url, sent };
}

process.on("message", (request: LoadRequest) => {
  answer(request).then(
    (message) => process.send?.(message),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("SIGTERM", () => void engine.remove().then(() => process.exit(0)));
