// T3 and T4: taking, keeping and giving back the lease on a step.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import type { EventType, JobEnvelope, PlanStatus } from "@ossaat/contracts";
import { currentTraceparent } from "@ossaat/telemetry";
import type { Expression } from "kysely";

import type { NewEvent } from "../event/append-events.ts";
import { hasReservation, releaseReservation } from "./budget.ts";
import { dispatchStep } from "./dispatch-step.ts";
import { LeaseLost, changePlan, workerActor } from "./engine.ts";
import type { Claim, Engine, PlanTx, PlanTxContext } from "./engine.ts";
import { getStep } from "../step/step-rows.ts";
import { isStoreBusy } from "../store/store-outage.ts";
import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { Tx } from "../store/store.ts";
import type { AttemptRow, StepRow } from "../store/tables.ts";
import { jobEngineLimits } from "./limits.ts";
import { releaseHeld } from "./release-held.ts";
import { findFullCap, lineOf, setCaps } from "./running-caps.ts";
import type { CapScope } from "./running-caps.ts";
import { storeTime } from "./store-time.ts";

/** Statuses of the plan in which a step may start, by its kind. */
const runnable: Readonly<Record<string, readonly [PlanStatus, PlanStatus]>> = {
  planning: ["draft", "draft"],
  agent: ["pending", "running"],
  merge: ["pending", "running"],
  // NOTE: pending too, for a plan whose steps all ended before one of them started.
  finish: ["pending", "running"],
};

/** The end of a lease that begins now. */
function leaseEnd(engine: Engine): number | Expression<number> {
  return storeTime(engine, jobEngineLimits.leaseMs);
}

const claimReady = statement(
  (
    db,
    slots: Slots<
      Pick<JobEnvelope, "planId" | "stepId" | "attempt" | "kind" | "kindVersion"> & {
        worker: string;
        leaseUntil: number;
        /** Statuses of the plan in which the step may start. */
        from: PlanStatus;
        orFrom: PlanStatus;
      }
    >,
  ) =>
    db
      .updateTable("step")
      .set((eb) => ({
        status: "running",
        fence: eb("fence", "+", 1),
        lease_owner: slots.worker,
        lease_until: slots.leaseUntil,
      }))
      .where("plan_id", "=", slots.planId)
      .where("step_id", "=", slots.stepId)
      .where("status", "=", "ready")
      .where("attempt", "=", slots.attempt)
      // A message that an older version wrote does not tell the step's version.
      .where("kind", "=", slots.kind)
      .where("kind_version", "=", slots.kindVersion)
      // Asked here, because it is on its way before what the plan's row says is known.
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom("plan")
            .select("plan.id")
            .where("plan.id", "=", slots.planId)
            .where("plan.status", "in", [slots.from, slots.orFrom]),
        ),
      )
      .returningAll(),
);

const takeMessage = statement((db, { messageId }: Slots<{ messageId: string }>) =>
  db.deleteFrom("outbox").where("id", "=", messageId),
);

const insertAttempt = statement(
  (
    db,
    slots: Slots<
      Pick<AttemptRow, "plan_id" | "step_id" | "attempt" | "fence" | "worker" | "started_at" | "traceparent">
    >,
  ) =>
    db.insertInto("attempt").values({
      plan_id: slots.plan_id,
      step_id: slots.step_id,
      attempt: slots.attempt,
      fence: slots.fence,
      worker: slots.worker,
      started_at: slots.started_at,
      heartbeat_at: slots.started_at,
      ended_at: null,
      outcome: null,
      error_code: null,
      traceparent: slots.traceparent,
    }),
);

async function startAttempt(
  change: PlanTx,
  claim: Omit<Claim, "step" | "plan" | "at" | "previousTrace">,
  agent: string,
): Promise<void> {
  const { tx, now, plan } = change;
  const { planId, stepId, attempt, fence, worker } = claim;
  const traceparent = currentTraceparent() ?? null;
  await insertAttempt(tx, { plan_id: planId, step_id: stepId, attempt, fence, worker, started_at: now, traceparent });
  const events: NewEvent[] = [{ type: "step.started", stepId, attempt, data: { worker, fence, agent } }];
  if (plan.status === "pending") {
    await tx.updateTable("plan").set({ status: "running" }).where("id", "=", planId).execute();
    events.unshift({ type: "plan.started", data: {} });
  }
  await change.append(...events);
}

/** A message that was put into a line of a cap, and the plan whose room is full. */
type Held = { heldFor: CapScope };

/** What a message led to, when it led to no claim: nothing, or a place in a line of a cap. */
export type NoClaim = "stale" | "held";

export const isClaim = (claimed: Claim | NoClaim): claimed is Claim => typeof claimed !== "string";

/**
 * Lets the message of a ready step wait for room under a cap that is full. Undefined when there is
 * room, or the message is stale.
 */
async function holdAtCap(engine: Engine, change: PlanTx, envelope: JobEnvelope): Promise<Held | undefined> {
  const { tx, now, plan } = change;
  const { planId, stepId, attempt } = envelope;
  const step = await getStep(tx, planId, stepId);
  if (step?.status !== "ready" || step.attempt !== attempt) return undefined;
  const readyAt = Math.min(step.ready_at ?? now, now);
  const kind = await findFullCap(engine, tx, { plan, pool: step.pool, readyAt });
  if (kind === undefined) return undefined;
  // One message is enough for a step, and this one may have come twice.
  await tx.deleteFrom("outbox").where("plan_id", "=", planId).where("step_id", "=", stepId).execute();
  await dispatchStep(tx, {
    tenantId: plan.tenant_id,
    priority: plan.priority,
    step,
    now,
    availableAt: readyAt,
    messageId: engine.ids.uuid(),
    line: lineOf(kind, plan),
    traceparent: plan.traceparent,
  });
  return { heldFor: plan };
}

/** Asked only where somebody traces: a claim is to cost no statement more. */
async function readPreviousTrace(
  { tx }: PlanTx,
  { planId, stepId, attempt }: Pick<Claim, "planId" | "stepId" | "attempt">,
): Promise<string | undefined> {
  if (attempt === 1 || currentTraceparent() === undefined) return undefined;
  const before = tx.selectFrom("attempt").select("traceparent").where("plan_id", "=", planId);
  const row = await before
    .where("step_id", "=", stepId)
    .where("attempt", "=", attempt - 1)
    .executeTakeFirst();
  return row?.traceparent ?? undefined;
}

/**
 * Claims the step a message names. `stale`: the step moved on, another worker has it, or the plan does
 * not run now. `held`: a cap keeps the step from running; its message waits until there is room.
 */
export async function claimStep(engine: Engine, envelope: JobEnvelope, worker: string): Promise<Claim | NoClaim> {
  const claimed = await tryClaim(engine, envelope, worker).catch((error: unknown) => {
    if (error instanceof AgentError && error.code === "not_found") return undefined;
    throw error;
  });
  if (claimed === undefined) return "stale";
  if (!("heldFor" in claimed)) return claimed;
  // NOTE: room may have come between the count and the commit, when nobody saw this message wait.
  await releaseHeld(engine, claimed.heldFor);
  return "held";
}

async function tryClaim(engine: Engine, envelope: JobEnvelope, worker: string): Promise<Claim | Held | undefined> {
  const { planId, stepId, attempt, kind, kindVersion } = envelope;
  const statuses = runnable[kind];
  if (statuses === undefined) return undefined;
  const [from, orFrom] = statuses;
  const key = { planId, stepId, attempt, kind, kindVersion, worker, from, orFrom };
  const mayHold = setCaps(engine).length > 0;
  let values = { ...key, leaseUntil: leaseEnd(engine) };
  const ahead = async (tx: Tx) => {
    values = { ...key, leaseUntil: leaseEnd(engine) };
    if (!mayHold) await claimReady.ahead(tx, values);
  };
  return changePlan(engine, { planId, actor: workerActor(worker), ahead }, async (change) => {
    const { tx, plan } = change;
    if (mayHold) {
      if (plan.status !== from && plan.status !== orFrom) return undefined;
      const held = await holdAtCap(engine, change, envelope);
      if (held !== undefined) return held;
    }
    const [step] = await claimReady(tx, values);
    if (step === undefined) return undefined;
    if (hasReservation(step)) await releaseReservation(tx, step);
    // The message has done its work; settling it afterwards finds it gone, which costs no commit.
    await takeMessage(tx, { messageId: envelope.messageId });
    const claim = { planId, stepId, attempt, fence: step.fence, worker };
    await startAttempt(change, claim, kind);
    return { ...claim, previousTrace: await readPreviousTrace(change, claim), at: change.now, step, plan };
  });
}

/** Extends the lease. `lost` means: stop, write nothing; `cancel` means: end soon. */
export async function heartbeat(engine: Engine, claim: Claim): Promise<"kept" | "cancel" | "lost"> {
  return engine.store.tx(async (tx) => {
    const row = await tx
      .updateTable("step")
      .set({ lease_until: leaseEnd(engine) })
      .where("plan_id", "=", claim.planId)
      .where("step_id", "=", claim.stepId)
      .where("fence", "=", claim.fence)
      .where("status", "=", "running")
      .returning("step_id")
      .executeTakeFirst();
    if (row === undefined) return "lost";
    const plan = await tx.selectFrom("plan").select("cancel_at").where("id", "=", claim.planId).executeTakeFirst();
    return plan?.cancel_at === null || plan === undefined ? "kept" : "cancel";
  });
}

/**
 * Events that show a step got further. The start of a call is none: a call that ends its worker
 * each time must count as poison in the end.
 */
const progress: ReadonlySet<EventType> = new Set<EventType>([
  "workspace.opened",
  "context.assembled",
  "context.compacted",
  "model.finished",
  "tool.finished",
  "guidance.added",
  "merge.conflicted",
  "merge.finished",
]);

/** Forgets failures and lost leases as soon as the step gets further. */
function countingProgress(change: PlanTx, step: StepRow): PlanTx {
  const append = async (...events: NewEvent[]) => {
    await change.append(...events);
    const counted = [step.lost_count, step.failures, step.away_count];
    if (counted.every((count) => count === 0) || !events.some(({ type }) => progress.has(type))) return;
    await change.tx
      .updateTable("step")
      .set({ lost_count: 0, failures: 0, silent_count: 0, away_count: 0 })
      .where("plan_id", "=", step.plan_id)
      .where("step_id", "=", step.step_id)
      .execute();
  };
  return { ...change, append };
}

const holdClaim = statement((db, claim: Slots<Pick<Claim, "planId" | "stepId" | "fence" | "worker">>) =>
  db
    .updateTable("step")
    .set({ lease_owner: claim.worker })
    .where("plan_id", "=", claim.planId)
    .where("step_id", "=", claim.stepId)
    .where("fence", "=", claim.fence)
    .where("status", "=", "running")
    .returningAll(),
);

/** Does it again while the store only refuses, for as long as a lease is sure: what a step has done is worth the wait. */
async function patiently<T>({ clock }: Engine, change: () => Promise<T>): Promise<T> {
  const { leaseMs, selfAbortShare, pollMs } = jobEngineLimits;
  const until = clock.monotonic() + leaseMs * selfAbortShare;
  for (;;) {
    try {
      return await change();
    } catch (error) {
      if (!isStoreBusy(error) || clock.monotonic() >= until) throw error;
    }
    await sleep(pollMs);
  }
}

/**
 * One change by the holder of a claim. The guard runs first, so that a worker whose lease was
 * taken writes nothing. `work` gets the step's row as it is now.
 * @param more statements that `work` begins with, to be sent ahead
 * @throws LeaseLost
 */
export function changeClaimed<T>(
  engine: Engine,
  claim: Claim,
  work: (change: PlanTx, step: StepRow) => Promise<T>,
  more?: PlanTxContext["ahead"],
): Promise<T> {
  const ahead = async (tx: Tx) => {
    await holdClaim.ahead(tx, claim);
    await more?.(tx);
  };
  const context = { planId: claim.planId, actor: workerActor(claim.worker), ahead };
  return patiently(engine, () => changeOnce(engine, { claim, context }, work));
}

async function changeOnce<T>(
  engine: Engine,
  { claim, context }: { claim: Claim; context: PlanTxContext },
  work: (change: PlanTx, step: StepRow) => Promise<T>,
): Promise<T> {
  return changePlan(engine, context, async (change) => {
    const [step] = await holdClaim(change.tx, claim);
    if (step === undefined) throw new LeaseLost(claim);
    return work(countingProgress(change, step), step);
  });
}

/** Records progress of a running step as events. @throws LeaseLost */
export async function recordProgress(engine: Engine, claim: Claim, ...events: NewEvent[]): Promise<void> {
  const { stepId, attempt } = claim;
  await changeClaimed(engine, claim, (change) =>
    change.append(...events.map((event) => ({ ...event, stepId: stepId as never, attempt }))),
  );
}
