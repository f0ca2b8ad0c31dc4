import { AgentError } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { decidePlan } from "../plan/decide-plan.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { planRowOf, statusesOf, stepRowOf } from "../testing/look.ts";
import { endByLastStep } from "../testing/take-step.ts";
import { noModels, openTestEngine, storeApproved, user } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createEmbeddedQueue } from "./adapters/embedded.ts";
import type { EmbeddedQueue } from "./adapters/embedded.ts";
import type { JobQueue } from "./job-queue.ts";
import { recordProgress } from "./claim-step.ts";
import { completeStep } from "./end-step.ts";
import type { Claim } from "./engine.ts";
import { sweepLeases, sweepTimers } from "./sweep.ts";
import { jobEngineLimits } from "./limits.ts";
import { StepStopped, createWorker } from "./worker.ts";
import type { StepRunner, Worker } from "./worker.ts";

const wide = testPlan(["a", "b", "c", "d", "e", "f"].map((id) => testStep(id)));
const single = testPlan([testStep("a")]);
const planId = wide.id;

let engine: TestEngine;
let queue: EmbeddedQueue;
const workers: Worker[] = [];

beforeEach(async () => {
  engine = await openTestEngine();
  queue = createEmbeddedQueue({
    store: engine.store,
    clock: engine.clock,
    onError: (error) => engine.log.error({ error }, "queue"),
  });
  engine.wakeQueue = () => queue.wake();
});
afterEach(async () => {
  vi.useRealTimers();
  for (const worker of workers.splice(0)) await worker.stop();
  await queue.close({ drainMs: 1_000 });
  await engine.remove();
});

function startWorker(runStep: StepRunner, { slots = 4, workerId = "worker-1" } = {}): Worker {
  const worker = createWorker({ engine, queue, runStep, workerId, pool: "default", slots });
  engine.signalCancel = (plan, step) => worker.cancel(plan, step);
  workers.push(worker);
  worker.start();
  return worker;
}

const finish = async (claim: Claim) => {
  if (claim.step.kind === "finish") return endByLastStep(engine, claim);
  return completeStep(engine, claim, { summary: "done", head: "h" });
};
/** Waits until it is asked to stop, then throws why. */
const untilStopped = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
const hasEnded = async () => ["succeeded", "failed", "cancelled"].includes((await planRowOf(engine, planId)).status);
const errors = () => engine.lines.filter(({ level }) => level === "error").map(({ message }) => message);

describe("a worker", () => {
  test("runs a plan to its end, never more steps at once than it has slots", async () => {
    await storeApproved(engine, wide);
    let running = 0;
    let most = 0;
    startWorker(
      async (claim) => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, 10));
        await finish(claim);
        running -= 1;
      },
      { slots: 2 },
    );
    await waitUntil("the end", hasEnded);
    expect([most, await auditPlan(engine, planId), errors()]).toEqual([2, [], []]);
  });

  test("claims for all its free slots at the same time, so that their claims share a commit", async () => {
    await storeApproved(engine, wide);
    const { store } = engine;
    let open = 0;
    let most = 0;
    engine.store = {
      ...store,
      tx: async (work) => {
        open += 1;
        most = Math.max(most, open);
        return store.tx(work).finally(() => (open -= 1));
      },
    };
    let started = 0;
    startWorker(
      async (_claim, signal) => {
        started += 1;
        await untilStopped(signal);
      },
      { slots: 3 },
    );
    await waitUntil("three steps", () => started === 3);
    expect([most, await queue.depth("default")]).toEqual([3, 3]);
  });

  test("holds no message while a step runs", async () => {
    await storeApproved(engine, single);
    let seen = 0;
    startWorker(async (claim, signal) => {
      seen += 1;
      await (claim.step.kind === "finish" ? finish(claim) : untilStopped(signal));
    });
    await waitUntil("the step", () => seen === 1);
    await waitUntil("no message", async () => (await queue.depth("default")) === 0);
    expect((await stepRowOf(engine, planId, "a")).status).toBe("running");
  });

  test("stops: gives back what runs, unharmed and at once, and starts nothing more", async () => {
    await storeApproved(engine, wide);
    let started = 0;
    const worker = startWorker(
      async (_claim, signal) => {
        started += 1;
        await untilStopped(signal);
      },
      { slots: 2 },
    );
    await waitUntil("two steps", () => started === 2);
    await worker.stop();
    const rows = await engine.store.read.selectFrom("step").select(["status", "failures", "lost_count"]).execute();
    expect(rows).toEqual(wide.steps.map(() => ({ status: "ready", failures: 0, lost_count: 0 })));
    expect([started, errors()]).toEqual([2, []]);
  });

  test("stopped while a claim is under way gives that step back too", async () => {
    await storeApproved(engine, single);
    const { store } = engine;
    let stopping: Promise<void> | undefined;
    engine.store = {
      ...store,
      tx: (work) => {
        stopping ??= worker.stop();
        return store.tx(work);
      },
    };
    const worker = startWorker((_claim, signal) => untilStopped(signal));
    await waitUntil("the stop", () => stopping !== undefined);
    await stopping;
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await stepRowOf(engine, planId, "a")).status).toBe("ready");
  });

  test("stops its steps at once, also while a broker does not answer to the end of its subscription", async () => {
    await storeApproved(engine, single);
    let answer: () => void = () => undefined;
    const silent: JobQueue = {
      ...queue,
      subscribe: (...asked) => {
        const subscription = queue.subscribe(...asked);
        const close = () => new Promise<void>((resolve) => (answer = resolve)).then(() => subscription.close());
        return { ...subscription, close };
      },
    };
    let started = 0;
    const worker = createWorker({
      engine,
      queue: silent,
      runStep: async (_claim, signal) => {
        started += 1;
        await untilStopped(signal);
      },
      workerId: "worker-1",
      pool: "default",
      slots: 1,
    });
    worker.start();
    await waitUntil("it runs", () => started === 1);
    const stopped = worker.stop();
    await waitUntil("given back", async () => (await stepRowOf(engine, planId, "a")).status === "ready");
    answer();
    await stopped;
    expect([worker.slots().busy, errors()]).toEqual([0, []]);
  });

  test("what it gave back is done by the next one", async () => {
    await storeApproved(engine, single);
    const first = startWorker((_claim, signal) => untilStopped(signal));
    await waitUntil("running", async () => (await stepRowOf(engine, planId, "a")).status === "running");
    await first.stop();
    startWorker(finish, { workerId: "worker-2" });
    await waitUntil("the end", hasEnded);
    const attempts = await engine.store.read.selectFrom("attempt").selectAll().where("step_id", "=", "a").execute();
    expect(attempts.map(({ worker, outcome }) => [worker, outcome])).toEqual([
      ["worker-1", "released"],
      ["worker-2", "succeeded"],
    ]);
  });

  test("tells a running step that its plan was cancelled", async () => {
    await storeApproved(engine, single);
    const reasons: unknown[] = [];
    startWorker(async (_claim, signal) => {
      signal.addEventListener("abort", () => reasons.push(signal.reason));
      await untilStopped(signal);
    });
    await waitUntil("running", async () => (await stepRowOf(engine, planId, "a")).status === "running");
    await decidePlan({ engine, models: noModels }, { planId, decision: { decision: "cancel" }, actor: user });
    await waitUntil("the end", hasEnded);
    expect(reasons).toEqual([new StepStopped("cancel")]);
    expect([await statusesOf(engine, planId), await auditPlan(engine, planId)]).toEqual([
      { plan: "cancelled", a: "cancelled: cancelled" },
      [],
    ]);
  });

  test("gives a step back that was asked to stop although nobody cancels its plan", async () => {
    await storeApproved(engine, single);
    startWorker((claim, signal) => {
      if (claim.stepId === "a" && claim.attempt === 1) return untilStopped(signal);
      return finish(claim);
    });
    await waitUntil("running", async () => (await stepRowOf(engine, planId, "a")).status === "running");
    engine.signalCancel(planId, "a");
    await waitUntil("the end", hasEnded);
    const attempts = await engine.store.read.selectFrom("attempt").selectAll().where("step_id", "=", "a").execute();
    expect([attempts.map(({ outcome }) => outcome), await statusesOf(engine, planId), errors()]).toEqual([
      ["released", "succeeded"],
      { plan: "succeeded", a: "succeeded", "plan.finish": "succeeded" },
      [],
    ]);
    expect(await auditPlan(engine, planId)).toEqual([]);
  });

  test("records the crash of a handler as the step's failure, retried when that may help", async () => {
    await storeApproved(engine, testPlan([testStep("a"), testStep("b")]));
    startWorker((claim) => {
      if (claim.step.kind === "finish") return finish(claim);
      if (claim.stepId === "a") throw new TypeError("secret detail");
      throw new AgentError("unavailable", "The runner is out of reach.");
    });
    await waitUntil("both", async () => {
      const { a, b } = await statusesOf(engine, planId);
      return a === "failed: internal" && b === "backoff";
    });
    const events = await engine.store.read.selectFrom("event").select("data_json").where("step_id", "=", "a").execute();
    expect(events.some(({ data_json: data }) => data.includes("secret detail"))).toBe(false);
    expect(errors()).toEqual(["step handler failed", "step handler failed"]);
  });

  test("stops a step whose heartbeat never comes back, before its lease ends, and gives it up", async () => {
    await storeApproved(engine, single);
    const { store } = engine;
    let isHanging = false;
    let beats = 0;
    engine.store = {
      ...store,
      tx: (work) => {
        if (!isHanging) return store.tx(work);
        beats += 1;
        return new Promise<never>(() => undefined);
      },
    };
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    const reasons: unknown[] = [];
    let isStarted = false;
    startWorker(async (_claim, signal) => {
      isStarted = true;
      // By then the store answers again, so that the step can be given up.
      signal.addEventListener("abort", () => {
        reasons.push(signal.reason);
        isHanging = false;
      });
      await untilStopped(signal);
    });
    await waitUntil("running", () => isStarted);
    isHanging = true;
    const pass = (ms: number) => {
      engine.clock.advance(ms);
      vi.advanceTimersByTime(ms);
    };
    const lastMs = jobEngineLimits.leaseMs * jobEngineLimits.selfAbortShare;
    for (let passed = 0; passed < lastMs; passed += 1_000) pass(1_000);
    const before = [...reasons];
    pass(1_000);
    expect([before, reasons, beats]).toEqual([[], [new StepStopped("silent")], 1]);
    await waitUntil("it was given up", async () => (await stepRowOf(engine, planId, "a")).status === "backoff");
    expect(await stepRowOf(engine, planId, "a")).toMatchObject({ lost_count: 1, failures: 0 });
  });

  test("that lost its lease writes nothing and says nothing", async () => {
    await storeApproved(engine, single);
    let go: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    const ends: string[] = [];
    startWorker(async (claim) => {
      if (claim.step.kind === "finish") return finish(claim);
      if (claim.attempt === 1) await held;
      await recordProgress(engine, claim, {
        type: "guidance.added",
        data: { afterTurn: 0, kind: "note", text: `attempt ${claim.attempt}` },
      });
      await finish(claim);
      ends.push(`attempt ${claim.attempt}`);
      return undefined;
    });
    await waitUntil("running", async () => (await stepRowOf(engine, planId, "a")).status === "running");
    engine.clock.advance(jobEngineLimits.leaseMs + 1);
    await sweepLeases(engine);
    await sweepTimers(engine);
    await waitUntil("the end", hasEnded);
    go();
    await workers[0]?.stop();
    expect([ends, await auditPlan(engine, planId), errors()]).toEqual([["attempt 2"], [], []]);
  });
});
