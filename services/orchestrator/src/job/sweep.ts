// T8, T9, T12: what happens by the clock. Timers that are due, leases that ran out, ready
// steps whose message was lost, and cancelled steps that did not stop in time.
import type { ApprovalId, StepId, StepStatus } from "@ossaat/contracts";
import { sql } from "kysely";
import type { SqlBool } from "kysely";

import { waitingStatus } from "../approval/request-approval.ts";
import { voidApprovals } from "../approval/void-approvals.ts";
import { endAttempt, getStep, leaveRunning, listSteps } from "../step/step-rows.ts";
import { isStoreOutage } from "../store/store-outage.ts";
import type { StepRow, TimerRow } from "../store/tables.ts";
import { addRetryTimer, askToReconcile, cancelledStep, endBadly, isUncertain } from "./end-step.ts";
import type { Failure } from "./end-step.ts";
import { announceStep, readyStep } from "./advance-plan.ts";
import { backoffMs } from "./backoff.ts";
import { releaseReservation } from "./budget.ts";
import { changeClaimed } from "./claim-step.ts";
import { changePlan, systemActor } from "./engine.ts";
import type { Claim, Engine, PlanTx } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { storeTime } from "./store-time.ts";

async function onRetryDue(engine: Engine, change: PlanTx, timer: TimerRow): Promise<void> {
  const step = await getStep(change.tx, timer.plan_id, timer.step_id);
  if (step?.status === "backoff") await readyStep(engine, change, step, step.ready_at ?? change.now);
}

async function onApprovalDue(engine: Engine, change: PlanTx, timer: TimerRow): Promise<void> {
  const approval = await change.tx
    .updateTable("approval")
    .set({ status: "expired", decided_at: change.now, decided_by: systemActor.id })
    .where("id", "=", timer.ref)
    .where("status", "=", "pending")
    .returningAll()
    .executeTakeFirst();
  if (approval === undefined) return;
  const data = { approvalId: timer.ref as ApprovalId, status: "expired" } as const;
  await change.append({ type: "approval.decided", stepId: timer.step_id, data });
  const step = await getStep(change.tx, timer.plan_id, timer.step_id);
  if (step === undefined || step.status !== waitingStatus(approval)) return;
  await endBadly(engine, change, step, {
    reason: approval.kind === "reconcile" ? "needs_reconcile" : "expired",
    code: "policy_denied",
    message: "nobody answered the approval request in time",
    retryable: false,
  });
}

const openSteps: readonly StepStatus[] = ["ready", "running", "backoff", "awaiting_approval", "needs_reconcile"];

/**
 * The plan's time is over: what is open ends, and the plan goes on to its end even when it was paused.
 * Returns the ids of steps that still run and must be asked to stop.
 */
async function onPlanDue(engine: Engine, change: PlanTx): Promise<string[]> {
  const { plan, tx } = change;
  if (!["pending", "running", "paused"].includes(plan.status)) return [];
  if (plan.status === "paused") {
    await tx.updateTable("plan").set({ status: "running" }).where("id", "=", plan.id).execute();
    plan.status = "running";
    await change.append({ type: "plan.resumed", data: {} });
  }
  await voidApprovals(change, {});
  const running: string[] = [];
  for (const { step_id: stepId } of await listSteps(tx, plan.id)) {
    const step = await getStep(tx, plan.id, stepId);
    if (step === undefined || !openSteps.includes(step.status) || step.kind === "finish") continue;
    if (step.status === "running") running.push(stepId);
    await endBadly(engine, change, step, {
      reason: "timeout",
      code: "limit_exceeded",
      message: "the plan's time budget is used up",
      retryable: false,
    });
  }
  return running;
}

async function runTimer(engine: Engine, timer: TimerRow): Promise<void> {
  const { plan_id: planId } = timer;
  const stopped = await changePlan(engine, { planId, actor: systemActor }, async (change) => {
    const taken = await change.tx.deleteFrom("timer").where("id", "=", timer.id).returning("id").executeTakeFirst();
    if (taken === undefined) return [];
    if (timer.kind === "plan") return onPlanDue(engine, change);
    if (timer.kind === "retry") await onRetryDue(engine, change, timer);
    else await onApprovalDue(engine, change, timer);
    return [];
  });
  // After the commit: a change that is lost or made again ends no step.
  for (const stepId of stopped) engine.signalCancel(planId, stepId);
}

/** Lets a timer that failed ring later: those behind it must get their turn. */
async function postponeTimer(engine: Engine, { id, due_at: dueAt }: TimerRow): Promise<void> {
  await engine.store.tx((tx) =>
    tx
      .updateTable("timer")
      .set({ due_at: storeTime(engine, jobEngineLimits.failedTimerMs) })
      .where("id", "=", id)
      .where("due_at", "=", dueAt)
      .execute(),
  );
}

/**
 * T8: runs every due timer. Returns how many there were.
 * @param next called before each
 */
export async function sweepTimers(engine: Engine, next?: () => Promise<void>): Promise<number> {
  const due = await engine.store.read
    .selectFrom("timer")
    .selectAll()
    .where("due_at", "<=", storeTime(engine))
    .orderBy("due_at")
    .limit(jobEngineLimits.sweepBatch)
    .execute();
  for (const timer of due) {
    const fields = { planId: timer.plan_id, stepId: timer.step_id, kind: timer.kind };
    await next?.();
    try {
      await runTimer(engine, timer);
    } catch (error) {
      engine.log.error({ ...fields, error }, "timer failed");
      // A store that is away is not the timer's fault, and the others would meet it too.
      if (isStoreOutage(error)) break;
      await postponeTimer(engine, timer).catch((problem: unknown) =>
        engine.log.error({ ...fields, error: problem }, "timer was not put off"),
      );
    }
  }
  return due.length;
}

const poison: Failure = {
  reason: "poison",
  code: "internal",
  message: "the step ended its worker again and again without progress",
  retryable: false,
};

async function loseStep(engine: Engine, change: PlanTx, step: StepRow): Promise<void> {
  const stepId = step.step_id as StepId;
  const { attempt } = step;
  const lostCount = step.lost_count + 1;
  await releaseReservation(change.tx, step);
  await endAttempt(change.tx, { planId: step.plan_id, stepId, attempt }, { now: change.now, outcome: "lost" });
  const worker = step.lease_owner ?? "unknown";
  await change.append({ type: "step.lost", stepId, attempt, data: { worker, lostCount } });
  if (change.plan.cancel_at !== null) return endBadly(engine, change, step, cancelledStep);
  if (isUncertain(step)) return askToReconcile(engine, change, step, { lost_count: lostCount });
  if (lostCount > jobEngineLimits.maxLost) return endBadly(engine, change, step, poison);
  const key = { planId: step.plan_id, stepId };
  await leaveRunning(change.tx, key, { status: "backoff", attempt: attempt + 1, lost_count: lostCount });
  const dueAt = change.now + (lostCount === 1 ? 0 : backoffMs(lostCount, engine.rng));
  await addRetryTimer(engine, change, stepId, dueAt);
}

/**
 * Gives a step up whose worker lives and knows that it cannot go on; it is treated as one whose lease
 * ran out, without the wait for that.
 * @throws LeaseLost
 */
export async function loseClaim(engine: Engine, claim: Claim): Promise<void> {
  await changeClaimed(engine, claim, (change, step) => loseStep(engine, change, step));
}

/** Changes the plan of one step; one that cannot be changed must not keep the sweep from the others. */
async function sweepStep(
  engine: Engine,
  { plan_id: planId, step_id: stepId }: Pick<StepRow, "plan_id" | "step_id">,
  { failed, work }: { failed: string; work: (change: PlanTx) => Promise<void> },
): Promise<void> {
  await changePlan(engine, { planId, actor: systemActor }, work).catch((error: unknown) =>
    engine.log.error({ planId, stepId, error }, failed),
  );
}

/** Whether the lease of a step has run out, as a column. */
function isExpired(engine: Engine) {
  return sql<SqlBool>`coalesce(lease_until, 0) < ${storeTime(engine)}`.as("expired");
}

/** Which steps are looked for: of one tenant alone, as many at most. */
type Wanted = { tenantId?: string; limit: number };

/** Steps that run and whose lease has run out. */
export async function selectExpired(engine: Engine, { tenantId, limit }: Wanted): Promise<StepRow[]> {
  const query = engine.store.read
    .selectFrom("step")
    .innerJoin("plan", "plan.id", "step.plan_id")
    .selectAll("step")
    .where("step.status", "=", "running")
    .where((eb) => eb.fn.coalesce("step.lease_until", sql.lit(0)), "<", storeTime(engine))
    .orderBy("step.lease_until")
    .limit(limit);
  return (tenantId === undefined ? query : query.where("plan.tenant_id", "=", tenantId)).execute();
}

/**
 * Takes the lease of a step back that has run out, or whose owner is known to be gone. It is looked at
 * under its lock, because its worker may have renewed the lease meanwhile.
 */
export async function takeBackLease(
  engine: Engine,
  change: PlanTx,
  { planId, stepId, isDead }: { planId: string; stepId: string; isDead?: (step: StepRow) => boolean },
): Promise<void> {
  const step = await change.tx
    .selectFrom("step")
    .selectAll()
    .select(isExpired(engine))
    .where("plan_id", "=", planId)
    .where("step_id", "=", stepId)
    .forUpdate()
    .executeTakeFirst();
  if (step?.status !== "running") return;
  if (!step.expired && isDead?.(step) !== true) return;
  await loseStep(engine, change, step);
}

/**
 * T9: takes back leases that ran out. With `deadOwners` also those whose owner is known to be
 * gone, as after a restart of the only process.
 */
export async function sweepLeases(
  engine: Engine,
  deadOwners: (owner: string) => boolean = () => false,
): Promise<number> {
  const running = await engine.store.read
    .selectFrom("step")
    .selectAll()
    .select(isExpired(engine))
    .where("status", "=", "running")
    .orderBy("plan_id")
    .orderBy("step_id")
    .execute();
  const isOwnerDead = (step: StepRow) => deadOwners(step.lease_owner ?? "");
  const lost = running.filter((step) => Boolean(step.expired) || isOwnerDead(step));
  for (const candidate of lost) {
    const { plan_id: planId, step_id: stepId, fence } = candidate;
    const isDead = (step: StepRow) => step.fence === fence && isOwnerDead(step);
    const work = (change: PlanTx) => takeBackLease(engine, change, { planId, stepId, isDead });
    await sweepStep(engine, candidate, { failed: "lease was not taken back", work });
  }
  return lost.length;
}

/** Another process may have announced it meanwhile. */
async function isAnnounced({ tx }: PlanTx, { plan_id: planId, step_id: stepId }: StepRow): Promise<boolean> {
  const messages = tx.selectFrom("outbox").select("id").where("plan_id", "=", planId).where("step_id", "=", stepId);
  return (await messages.executeTakeFirst()) !== undefined;
}

/** Ready steps that were announced long ago and of which no message is left, the oldest first. */
export async function selectStranded(
  engine: Engine,
  { tenantId, limit, olderThanMs = jobEngineLimits.reemitAfterMs }: Wanted & { olderThanMs?: number },
): Promise<StepRow[]> {
  const query = engine.store.read
    .selectFrom("step")
    .innerJoin("plan", "plan.id", "step.plan_id")
    .selectAll("step")
    .where("step.status", "=", "ready")
    .where((eb) => eb.fn.coalesce("step.announced_at", "step.ready_at"), "<=", storeTime(engine, -olderThanMs))
    .where("plan.status", "in", ["draft", "pending", "running"])
    .orderBy("step.ready_at")
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom("outbox")
            .select("outbox.id")
            .whereRef("outbox.plan_id", "=", "step.plan_id")
            .whereRef("outbox.step_id", "=", "step.step_id"),
        ),
      ),
    )
    .limit(limit);
  return (tenantId === undefined ? query : query.where("plan.tenant_id", "=", tenantId)).execute();
}

/** A step as it was found. */
type Seen = Pick<StepRow, "plan_id" | "step_id" | "attempt" | "announced_at">;

/** Announces a ready step of which no message is left. */
export async function announceStranded(
  engine: Engine,
  change: PlanTx,
  { planId, stepId, seen }: { planId: string; stepId: string; seen?: Seen },
): Promise<void> {
  const current = await getStep(change.tx, planId, stepId);
  if (current?.status !== "ready") return;
  // Another process was quicker, and a broker may have its message already.
  if (seen !== undefined && (current.attempt !== seen.attempt || current.announced_at !== seen.announced_at)) return;
  if (!(await isAnnounced(change, current))) await announceStep(engine, change, current);
}

/** Each in a transaction of its own; one that cannot be announced keeps none of the others from it. */
export async function announceEach(engine: Engine, steps: readonly Seen[]): Promise<void> {
  for (const seen of steps) {
    const { plan_id: planId, step_id: stepId } = seen;
    const work = (change: PlanTx) => announceStranded(engine, change, { planId, stepId, seen });
    await sweepStep(engine, seen, { failed: "ready step was not announced", work });
  }
}

/** T12: announces ready steps again whose message is gone, or waits at a broker for so long that it may be. */
export async function reemitReady(
  engine: Engine,
  olderThanMs: number = jobEngineLimits.reemitAfterMs,
): Promise<number> {
  const stranded = await selectStranded(engine, { limit: jobEngineLimits.sweepBatch, olderThanMs });
  await announceEach(engine, stranded);
  return stranded.length;
}

/** Ends running steps of cancelled plans that did not stop within the grace. */
export async function sweepCancelled(engine: Engine): Promise<void> {
  const late = await engine.store.read
    .selectFrom("step")
    .innerJoin("plan", "plan.id", "step.plan_id")
    .selectAll("step")
    .where("step.status", "=", "running")
    .where("plan.cancel_at", "<=", storeTime(engine, -jobEngineLimits.cancelGraceMs))
    .execute();
  for (const step of late) {
    const work = async (change: PlanTx) => {
      const current = await getStep(change.tx, step.plan_id, step.step_id);
      if (current?.status !== "running" || current.fence !== step.fence) return;
      await endBadly(engine, change, current, cancelledStep);
    };
    await sweepStep(engine, step, { failed: "cancelled step was not ended", work });
  }
}
