// A store that is away for a while, and a worker that lives on.
import { AgentError } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { outageReasons } from "../store/store-outage.ts";
import { auditPlan } from "../testing/audit-plan.ts";
import { planRowOf, stepRowOf } from "../testing/look.ts";
import { endByLastStep } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createEmbeddedQueue } from "./adapters/embedded.ts";
import type { EmbeddedQueue } from "./adapters/embedded.ts";
import { recordProgress } from "./claim-step.ts";
import { completeStep } from "./end-step.ts";
import { jobEngineLimits } from "./limits.ts";
import type { Claim } from "./engine.ts";
import { reemitReady, sweepTimers } from "./sweep.ts";
import { createWorker } from "./worker.ts";
import type { StepRunner, Worker } from "./worker.ts";

const plan = testPlan([testStep("a")]);
const planId = plan.id;

let engine: TestEngine;
let queue: EmbeddedQueue;
let worker: Worker;
let isAway: boolean;
/** Transactions that the store refuses from now on, because others are in the way. */
let refusals: number;
const outage = (reason: string) => new AgentError("unavailable", "The store is away.", { details: { reason } });

beforeEach(async () => {
  isAway = false;
  refusals = 0;
  engine = await openTestEngine();
  const { store } = engine;
  engine.store = {
    ...store,
    tx: (work) => {
      if (isAway) return Promise.reject(outage(outageReasons.connectionLost));
      if (refusals === 0) return store.tx(work);
      refusals -= 1;
      return Promise.reject(outage("lock_timeout"));
    },
  };
  queue = createEmbeddedQueue({ store: engine.store, clock: engine.clock, onError: () => undefined });
  engine.wakeQueue = () => queue.wake();
  await storeApproved(engine, plan);
});
afterEach(async () => {
  isAway = false;
  refusals = 0;
  await worker.stop();
  await queue.close({ drainMs: 1_000 });
  await engine.remove();
});

/** Runs the step once as `first` says, then well. */
function startWorker(first: StepRunner): void {
  let runs = 0;
  const runStep: StepRunner = async (claim, signal) => {
    runs += 1;
    if (claim.step.kind === "finish") return endByLastStep(engine, claim);
    return runs === 1 ? first(claim, signal) : completeStep(engine, claim, { summary: "done", head: "h" });
  };
  worker = createWorker({ engine, queue, runStep, workerId: "worker-1", pool: "default", slots: 2 });
  worker.start();
}

const givenUp = () => engine.lines.some(({ message }) => message === "the store is away or busy, the step is given up");

/** NOTE: the clock stands still, so that no lease runs out: only its own worker can give the step back. */
async function comesBack(): Promise<void> {
  await waitUntil("the step was given up", givenUp);
  isAway = false;
  await waitUntil("the end", async () => {
    await sweepTimers(engine);
    return (await planRowOf(engine, planId)).status === "succeeded";
  });
}

async function outcomes(): Promise<(string | null)[]> {
  const attempts = engine.store.read.selectFrom("attempt").select("outcome").where("step_id", "=", "a");
  return (await attempts.orderBy("attempt").execute()).map(({ outcome }) => outcome);
}

const goAway = async (claim: Claim) => {
  isAway = true;
  await recordProgress(engine, claim, { type: "context.compacted", data: {} as never });
};

test("a step that the store's absence interrupted goes on when it is back, without a wait for its lease", async () => {
  startWorker(goAway);
  await comesBack();
  const { failures, lost_count: lostCount } = await stepRowOf(engine, planId, "a");
  expect([await outcomes(), failures, lostCount]).toEqual([["lost", "succeeded"], 0, 1]);
  expect(await auditPlan(engine, planId)).toEqual([]);
});

test("a step that failed by itself while the store was away is not failed for that, and goes on", async () => {
  startWorker(() => {
    isAway = true;
    return Promise.reject(new Error("the step's own mistake"));
  });
  await comesBack();
  expect(await outcomes()).toEqual(["lost", "succeeded"]);
});

test("a step whose end was saved, though the answer was lost, is left as it is", async () => {
  startWorker(async (claim) => {
    await completeStep(engine, claim, { summary: "done", head: "h" });
    throw outage(outageReasons.commitUnknown);
  });
  await waitUntil("the end", async () => (await planRowOf(engine, planId)).status === "succeeded");
  expect([givenUp(), await outcomes()]).toEqual([true, ["succeeded"]]);
});

test("the message of a plan that somebody has in use is not kept, and its step is announced again soon", async () => {
  const ended = async () => (await planRowOf(engine, planId)).status === "succeeded";
  refusals = 1;
  startWorker((claim) => completeStep(engine, claim, { summary: "done", head: "h" }));
  const told = () => engine.lines.filter(({ message }) => message.startsWith("the plan was in use for too long"));
  await waitUntil("the claim failed", () => told().length === 1);
  await waitUntil("no message waits", async () => (await queue.depth("default")) === 0);
  engine.clock.advance(jobEngineLimits.leftMs - 1);
  expect(await reemitReady(engine)).toBe(0);
  engine.clock.advance(1);
  expect(await reemitReady(engine)).toBe(1);
  engine.wakeQueue();
  await waitUntil("the end", ended);
  expect(await outcomes()).toEqual(["succeeded"]);
});

test("the message of a step is kept while the store takes nothing", async () => {
  isAway = true;
  startWorker((claim) => completeStep(engine, claim, { summary: "done", head: "h" }));
  const told = () => engine.lines.some(({ message }) => message.startsWith("the database takes nothing now"));
  await waitUntil("the claim failed", told);
  isAway = false;
  expect(await queue.depth("default")).toBe(1);
  // Nor could it be given back.
  engine.clock.advance(jobEngineLimits.outboxClaimMs + jobEngineLimits.retrySoonMs);
  await waitUntil("the end", async () => {
    engine.wakeQueue();
    return (await planRowOf(engine, planId)).status === "succeeded";
  });
});

test("a worker that is stopped while the store is away does not wait for it", async () => {
  startWorker(goAway);
  await waitUntil("the step was given up", givenUp);
  await worker.stop();
  isAway = false;
  expect((await stepRowOf(engine, planId, "a")).status).toBe("running");
});

test("an end that the store refused a few times is saved, and the work is not done again", async () => {
  startWorker(async (claim) => {
    refusals = 3;
    await completeStep(engine, claim, { summary: "done", head: "h" });
  });
  await waitUntil("the end", async () => (await planRowOf(engine, planId)).status === "succeeded");
  const { failures, lost_count: lostCount } = await stepRowOf(engine, planId, "a");
  expect([givenUp(), await outcomes(), failures, lostCount, refusals]).toEqual([false, ["succeeded"], 0, 0, 0]);
});

test("a step is given up, and not failed, when the store refuses for as long as a lease is sure", async () => {
  startWorker((claim) => {
    refusals = Infinity;
    const end = completeStep(engine, claim, { summary: "done", head: "h" });
    engine.clock.advance(jobEngineLimits.leaseMs);
    return end;
  });
  await waitUntil("the step was given up", givenUp);
  refusals = 0;
  await waitUntil("the end", async () => {
    await sweepTimers(engine);
    return (await planRowOf(engine, planId)).status === "succeeded";
  });
  const { failures, lost_count: lostCount } = await stepRowOf(engine, planId, "a");
  expect([await outcomes(), failures, lostCount]).toEqual([["lost", "succeeded"], 0, 1]);
});

test("an error of the store that is no outage counts as the step's failure", async () => {
  startWorker(() => Promise.reject(outage("database_full")));
  await waitUntil("the failure", async () => (await stepRowOf(engine, planId, "a")).status === "backoff");
  const { failures, lost_count: lostCount } = await stepRowOf(engine, planId, "a");
  expect([givenUp(), await outcomes(), failures, lostCount]).toEqual([false, ["failed"], 1, 0]);
});
