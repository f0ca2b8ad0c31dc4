// The worker: takes deliveries, claims, settles the message at once, and runs the step while
// keeping its lease. It knows nothing of what a step does.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import type { JobEnvelope } from "@ossaat/contracts";
import {
  continueTrace,
  countHeld,
  countStale,
  measureClaim,
  openSpan,
  takeJobEnd,
  takeJobSpan,
} from "@ossaat/telemetry";

import { claimStep, heartbeat, isClaim } from "./claim-step.ts";
import type { NoClaim } from "./claim-step.ts";
import { failStep, releaseStep } from "./end-step.ts";
import { isStoreTrouble } from "../store/store-outage.ts";
import { LeaseLost } from "./engine.ts";
import type { Claim, Engine } from "./engine.ts";
import type { Delivery, JobQueue, Settlement } from "./job-queue.ts";
import { leaveToOthers, settleUnclaimed } from "./leave-step.ts";
import { isKnown } from "./step-kinds.ts";
import type { StepKinds } from "./step-kinds.ts";
import { jobEngineLimits } from "./limits.ts";
import { releaseHeld } from "./release-held.ts";
import { loseClaim } from "./sweep.ts";

/** Why a running step is asked to stop; `silent`: its lease could not be renewed for too long. */
export type StopReason = "cancel" | "lost" | "silent" | "shutdown" | "deadline";

export class StepStopped extends Error {
  readonly reason: StopReason;
  constructor(reason: StopReason) {
    super(`the step was asked to stop: ${reason}`);
    this.name = "AbortError";
    this.reason = reason;
  }
}

/** Runs one claimed step to its end; every end is recorded by the step itself. */
export type StepRunner = (claim: Claim, signal: AbortSignal) => Promise<void>;

export type WorkerDeps = {
  engine: Engine;
  queue: JobQueue;
  runStep: StepRunner;
  workerId: string;
  pool: string;
  slots: number;
  /** What it can run; absent = all that this version knows. */
  kinds?: StepKinds | undefined;
  /** Time between two heartbeats of a step, ms; absent = as the limits say. */
  heartbeatMs?: number | undefined;
};

type Running = { claim: Claim; controller: AbortController; done: Promise<void> };

export type Worker = {
  start(): void;
  /** Slots by what they do now. */
  slots(): { busy: number; free: number };
  /** Asks one running step to stop; a no-op when it does not run here. */
  cancel(planId: string, stepId: string): void;
  /**
   * Stops claiming, asks running steps to stop, waits until they gave up their lease.
   * @param finishMs time that they have to end by themselves before they are asked, ms; absent = none
   */
  stop(finishMs?: number): Promise<void>;
};

/** With the fence, because a step that was lost and taken again may run here twice for a moment. */
const keyOf = ({ planId, stepId, fence }: Claim) => `${planId}/${stepId}/${fence}`;

/**
 * Renews the lease until stopped; aborts the step when it is lost or cancelled, or was not renewed for
 * so long that another may have it soon. A heartbeat that never comes back is such a silence too.
 */
function keepLease(
  { engine, heartbeatMs = jobEngineLimits.heartbeatMs }: WorkerDeps,
  claim: Claim,
  controller: AbortController,
): () => void {
  const { leaseMs, selfAbortShare, silenceCheckMs } = jobEngineLimits;
  let renewedAt = engine.clock.monotonic();
  let busy = false;
  const isSilent = () => engine.clock.monotonic() - renewedAt > leaseMs * selfAbortShare;
  const beat = async () => {
    if (busy) return;
    busy = true;
    try {
      const answer = await heartbeat(engine, claim);
      renewedAt = engine.clock.monotonic();
      if (answer === "lost") controller.abort(new StepStopped("lost"));
      if (answer === "cancel") controller.abort(new StepStopped("cancel"));
    } catch (error) {
      engine.log.warn({ planId: claim.planId, stepId: claim.stepId, error }, "heartbeat failed");
      if (isSilent()) controller.abort(new StepStopped("silent"));
    } finally {
      busy = false;
    }
  };
  const checkSilence = () => {
    if (!isSilent()) return;
    // After a stall of this process the lease may still be there to be renewed.
    if (busy) controller.abort(new StepStopped("silent"));
    else void beat();
  };
  const timers = [setInterval(() => void beat(), heartbeatMs), setInterval(checkSilence, silenceCheckMs)];
  return () => timers.forEach((timer) => clearInterval(timer));
}

async function recordCrash(engine: Engine, claim: Claim, thrown: unknown): Promise<void> {
  const error = AgentError.from(thrown);
  engine.log.error({ planId: claim.planId, stepId: claim.stepId, error: thrown }, "step handler failed");
  const { code, message, isRetryable } = error;
  await failStep(engine, claim, { reason: "internal", code, message, retryable: isRetryable });
}

type StepEnd = { thrown: unknown; signal: AbortSignal };

async function recordEnd(engine: Engine, claim: Claim, { thrown, signal }: StepEnd): Promise<void> {
  const stopped: unknown = signal.aborted ? signal.reason : thrown;
  if (!(stopped instanceof StepStopped)) return recordCrash(engine, claim, thrown);
  switch (stopped.reason) {
    case "lost":
      return;
    case "silent":
      return loseClaim(engine, claim);
    case "shutdown":
      return releaseStep(engine, claim, "the server stopped");
    case "cancel":
      // Ends it when its plan is really being cancelled: a request to stop may be wrong, the row is not.
      return releaseStep(engine, claim, "it was asked to stop");
    case "deadline":
      return failStep(engine, claim, {
        reason: "timeout",
        code: "limit_exceeded",
        message: "the step took longer than its time limit",
        retryable: false,
      });
  }
}

/**
 * Gives the step up as soon as the store can be reached, so that it does not wait for its lease to run
 * out. Ends without that when the worker closes.
 */
async function giveUp(engine: Engine, claim: Claim, closing: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await loseClaim(engine, claim);
    } catch (error) {
      if (!isStoreTrouble(error) || closing.aborted) throw error;
    }
    await sleep(jobEngineLimits.pollMs, undefined, { signal: closing }).catch(() => undefined);
  }
}

/** Records how a step ended that threw; a store that was away is not the step's failure. */
async function settleEnd(engine: Engine, claim: Claim, end: StepEnd & { closing: AbortSignal }): Promise<void> {
  try {
    if (isStoreTrouble(end.thrown)) throw end.thrown;
    await recordEnd(engine, claim, end);
  } catch (error) {
    if (!isStoreTrouble(error)) throw error;
    engine.log.warn(
      { planId: claim.planId, stepId: claim.stepId, error },
      "the store is away or busy, the step is given up",
    );
    await giveUp(engine, claim, end.closing);
  }
}

async function runClaim(
  deps: WorkerDeps,
  claim: Claim,
  { controller, closing }: { controller: AbortController; closing: AbortSignal },
): Promise<void> {
  const { engine, runStep } = deps;
  const stopKeeping = keepLease(deps, claim, controller);
  try {
    await runStep(claim, controller.signal);
  } catch (thrown) {
    stopKeeping();
    if (thrown instanceof LeaseLost) return;
    await settleEnd(engine, claim, { thrown, signal: controller.signal, closing }).catch((error: unknown) => {
      if (!(error instanceof LeaseLost)) throw error;
    });
  } finally {
    stopKeeping();
  }
}

type Taken = { envelope: JobEnvelope; workerId: string };

async function claimMeasured(engine: Engine, { envelope, workerId }: Taken): Promise<Claim | NoClaim> {
  const { pool } = envelope;
  const startedAt = engine.clock.monotonic();
  const claim = await claimStep(engine, envelope, workerId);
  if (!isClaim(claim)) {
    if (claim === "held") countHeld({ pool });
    else countStale({ pool });
    return claim;
  }
  const seconds = (engine.clock.monotonic() - startedAt) / 1_000;
  measureClaim({ pool, seconds, waitedMs: claim.at - (claim.step.waiting_since ?? claim.step.ready_at ?? claim.at) });
  return claim;
}

/** Claims under a span that the attempt's work belongs to, and that the next attempt links to. */
async function claimTraced(engine: Engine, taken: Taken, begin: (claim: Claim) => void): Promise<void> {
  const span = openSpan(takeJobSpan(taken.envelope));
  try {
    const claim = await span.run(() => claimMeasured(engine, taken));
    span.set(takeJobEnd({ isStale: claim === "stale" }));
    if (!isClaim(claim)) return;
    span.link(claim.previousTrace);
    span.run(() => begin(claim));
  } catch (error) {
    span.recordError(error);
    throw error;
  } finally {
    span.end();
  }
}

async function settled(running: ReadonlyMap<string, Running>): Promise<void> {
  await Promise.allSettled([...running.values()].map(({ done }) => done));
}

/** Makes a worker; `slots` steps run at once. */
export function createWorker(deps: WorkerDeps): Worker {
  const { engine, queue, workerId, pool, slots } = deps;
  const running = new Map<string, Running>();
  let subscription: ReturnType<JobQueue["subscribe"]> | undefined;
  /** No step is begun any more; those that run may end. */
  let isClosing = false;
  const closing = new AbortController();
  let claiming = 0;

  const isFull = () => running.size + claiming >= slots;
  const resume = () => {
    if (!isFull() && !isClosing) subscription?.resume(slots - running.size);
  };

  const begin = (claim: Claim) => {
    const controller = new AbortController();
    const key = keyOf(claim);
    const done = runClaim(deps, claim, { controller, closing: closing.signal })
      .catch((error: unknown) =>
        engine.log.error({ planId: claim.planId, stepId: claim.stepId, error }, "step end not recorded"),
      )
      .finally(() => {
        running.delete(key);
        resume();
      })
      .then(() => releaseHeld(engine, claim.plan));
    running.set(key, { claim, controller, done });
    if (isClosing) controller.abort(new StepStopped("shutdown"));
  };

  /** Holds a slot while it claims, so that several claims at once share a commit. */
  const claimSlot = async (envelope: JobEnvelope): Promise<Settlement> => {
    claiming += 1;
    if (isFull()) subscription?.pause();
    try {
      if (isKnown(envelope, deps.kinds)) await claimTraced(engine, { envelope, workerId }, begin);
      else await leaveToOthers(engine, envelope);
      return "done";
    } catch (error) {
      return await settleUnclaimed(engine, envelope, error);
    } finally {
      claiming -= 1;
      resume();
    }
  };

  const onDelivery = async (delivery: Delivery) => {
    if (isClosing || isFull()) return delivery.settle("retry_soon");
    // It is begun before the settlement is on the disk: a message that came again would claim nothing.
    await delivery.settle(await claimSlot(delivery.envelope));
  };

  return {
    start() {
      subscription = queue.subscribe(pool, slots, (delivery) =>
        continueTrace(delivery.envelope.traceparent, () => onDelivery(delivery)),
      );
    },
    slots() {
      const busy = Math.min(slots, running.size + claiming);
      return { busy, free: slots - busy };
    },
    cancel(planId, stepId) {
      for (const { claim, controller } of running.values()) {
        if (claim.planId === planId && claim.stepId === stepId) controller.abort(new StepStopped("cancel"));
      }
    },
    async stop(finishMs = 0) {
      isClosing = true;
      // A broker that does not answer holds no step up.
      const closed = subscription?.close();
      if (finishMs > 0) await Promise.race([settled(running), sleep(finishMs, undefined, { ref: false })]);
      closing.abort();
      for (const { controller } of running.values()) controller.abort(new StepStopped("shutdown"));
      await closed;
      await settled(running);
    },
  };
}
