// Plans whose steps do nothing, and an engine that runs them: what is left is what durability costs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { PlanId } from "../../packages/contracts/src/index.ts";
import type { SealedPlan } from "../../packages/contracts/src/index.ts";
import { testPlan, testStep } from "../../packages/contracts/src/testing/index.ts";
import { createFileArtifacts } from "../../services/orchestrator/src/artifact/adapters/files.ts";
import { systemClock, systemIds } from "../../services/orchestrator/src/clock.ts";
import { createQueueParts } from "../../services/orchestrator/src/compose/queue-parts.ts";
import type { OpenQueue } from "../../services/orchestrator/src/compose/queue-parts.ts";
import { createEventBus } from "../../services/orchestrator/src/event/event-bus.ts";
import { completeStep } from "../../services/orchestrator/src/job/end-step.ts";
import type { Claim, Engine } from "../../services/orchestrator/src/job/engine.ts";
import { createWorker } from "../../services/orchestrator/src/job/worker.ts";
import type { Store } from "../../services/orchestrator/src/store/store.ts";
import { endByLastStep } from "../../services/orchestrator/src/testing/take-step.ts";
import { storeApproved } from "../../services/orchestrator/src/testing/test-engine.ts";

function planIdOf(n: number): PlanId {
  return PlanId.parse(`plan-00000000-0000-4000-8000-${String(n).padStart(12, "0")}`);
}

/** A plan of steps that do nothing, one after the other. */
export function noOpPlan(n: number, steps: number): SealedPlan {
  const chain = Array.from({ length: steps }, (_, index) =>
    testStep(`s${index}`, { action: "audit", needs: index === 0 ? [] : [`s${index - 1}`] }),
  );
  return testPlan(chain, { id: planIdOf(n) });
}

export type LoadEngine = Engine & { close(): Promise<void> };

/** An engine as a server has it, on a store that it closes. */
export function openLoadEngine(store: Store): LoadEngine {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-bench-"));
  const ignore = () => undefined;
  return {
    store,
    clock: systemClock,
    ids: systemIds,
    rng: Math.random,
    bus: createEventBus(),
    artifacts: createFileArtifacts(folder),
    log: { info: ignore, warn: ignore, error: (fields, message) => console.error(message, fields) },
    wakeQueue: ignore,
    signalCancel: ignore,
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Numbers of the next plans; a load stores none twice. */
export type PlanNumbers = { next: number };

export async function storeNoOps(
  engine: Engine,
  numbers: PlanNumbers,
  { plans, steps }: { plans: number; steps: number },
): Promise<PlanId[]> {
  const ids: PlanId[] = [];
  for (let n = 0; n < plans; n += 1) ids.push(await storeApproved(engine, noOpPlan(numbers.next++, steps)));
  return ids;
}

export type Running = {
  /** Resolves when so many more plans have ended. */
  ended(plans: number): Promise<void>;
  stop(): Promise<void>;
};

export type LoadOptions = {
  slots: number;
  /** Absent: the outbox is the queue. */
  openQueue?: OpenQueue | undefined;
  /** Told when a step begins, before it does anything. */
  onStart?: (claim: Claim) => void;
};

/** A worker and its queue, which run every step of every approved plan. */
export function runSteps(engine: Engine, { slots, openQueue, onStart }: LoadOptions): Running {
  let awaited: { left: number; done: () => void } | undefined;
  const parts = createQueueParts(engine, { openQueue, slots });
  const runStep = async (claim: Claim) => {
    onStart?.(claim);
    if (claim.step.kind !== "finish") return completeStep(engine, claim, { summary: "" });
    await endByLastStep(engine, claim);
    if (awaited === undefined) return;
    awaited.left -= 1;
    if (awaited.left === 0) awaited.done();
  };
  engine.wakeQueue = () => parts.wake();
  const worker = createWorker({ engine, queue: parts.queue, runStep, workerId: "bench", pool: "default", slots });
  worker.start();
  parts.start();
  return {
    ended(plans) {
      const { promise, resolve } = Promise.withResolvers<void>();
      awaited = { left: plans, done: resolve };
      return promise;
    },
    async stop() {
      await worker.stop();
      await parts.stop();
    },
  };
}

/** Steps of plans that succeeded. @throws Error when they are not as many as were run */
export async function countDone({ store }: Engine, expected: number): Promise<number> {
  const { done } = await store.read
    .selectFrom("step")
    .select((eb) => eb.fn.countAll<number>().as("done"))
    .where("kind", "=", "agent")
    .where("status", "=", "succeeded")
    .executeTakeFirstOrThrow();
  if (done !== expected) throw new Error(`${done} steps were run instead of ${expected}`);
  return done;
}

/** Steps a second of an engine that runs plans of steps that do nothing. Closes it. */
export async function rateOfSteps(
  engine: LoadEngine,
  { plans, steps, slots }: { plans: number; steps: number; slots: number },
): Promise<number> {
  try {
    await storeNoOps(engine, { next: 0 }, { plans, steps });
    const start = performance.now();
    const running = runSteps(engine, { slots });
    await running.ended(plans);
    const seconds = (performance.now() - start) / 1000;
    await running.stop();
    return (await countDone(engine, plans * steps)) / seconds;
  } finally {
    await engine.close();
  }
}
