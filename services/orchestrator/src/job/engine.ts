// What every transaction of the engine needs, and the one way to run one.
import { AgentError } from "@ossaat/contracts";
import type { Actor, Budget, EventType } from "@ossaat/contracts";
import { activeTraceId, measureAppend, traceIdOf } from "@ossaat/telemetry";
import { sql } from "kysely";

import type { Artifacts } from "../artifact/artifacts.ts";
import type { Clock, Ids, Rng } from "../clock.ts";
import { appendEvents } from "../event/append-events.ts";
import type { NewEvent } from "../event/append-events.ts";
import type { EventBus } from "../event/event-bus.ts";
import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { DispatchRules } from "./dispatch-rules.ts";
import type { Store, Tx } from "../store/store.ts";
import type { PlanRow, StepRow } from "../store/tables.ts";

export type EngineLog = {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
};

export type Engine = {
  store: Store;
  clock: Clock;
  ids: Ids;
  rng: Rng;
  bus: EventBus;
  artifacts: Artifacts;
  log: EngineLog;
  /** Caps that hold for every plan, whoever asked for it; absent = none. */
  budgetCaps?: Budget | undefined;
  /** Unfinished steps that one tenant may have before new plans are refused; absent = the default. */
  maxOpenSteps?: number | undefined;
  /** Absent = tenants are equal. */
  dispatch?: DispatchRules | undefined;
  /** Tells the relay that the outbox may have grown. */
  wakeQueue(): void;
  /** Asks a running step to stop, in whichever process it runs; its next heartbeat tells it all the same. */
  signalCancel(planId: string, stepId: string): void;
};

export type PlanTx = {
  tx: Tx;
  /** By the clock that everything waits by, ms since the epoch. */
  now: number;
  plan: PlanRow;
  actor: Actor;
  /** Adds to what the change writes into the log, in this order, when its work is done. */
  append(...events: NewEvent[]): Promise<void>;
  /** Tells that a message was written: the queue is woken after the commit. */
  noteMessage(): void;
};

export type PlanTxContext = {
  planId: string;
  actor: Actor;
  /** Names statements that the change begins with whatever the plan's row says: see `ahead` of a statement. */
  ahead?: ((tx: Tx) => Promise<unknown>) | undefined;
};

// NOTE: the row is locked: changes of one plan happen one after the other, whoever makes them.
const selectPlan = statement((db, { planId }: Slots<{ planId: string }>) =>
  db.selectFrom("plan").selectAll().where("id", "=", planId).forUpdate(),
);

const selectPlanAndTime = statement((db, { planId, now }: Slots<{ planId: string; now: number }>) =>
  db
    .selectFrom("plan")
    .selectAll()
    .select(sql<number>`${now}`.as("now"))
    .where("id", "=", planId)
    .forUpdate(),
);

/** Locks the plan. The time comes with it, where the database has a clock of its own. */
async function lockPlan(
  { store, clock }: Engine,
  tx: Tx,
  { planId, ahead }: Pick<PlanTxContext, "planId" | "ahead">,
): Promise<{ plan: PlanRow; now: number } | undefined> {
  const time = store.leaseTime(clock.now());
  await ahead?.(tx);
  if (typeof time === "number") {
    const [plan] = await selectPlan(tx, { planId });
    return plan === undefined ? undefined : { plan, now: clock.now() };
  }
  const [row] = await selectPlanAndTime(tx, { planId, now: time });
  if (row === undefined) return undefined;
  const { now, ...plan } = row;
  return { plan, now };
}

/**
 * Runs a change of one plan inside a transaction that is open already; its events are written
 * together at the end, because each writing costs a statement over the plan's row.
 * @throws AgentError not_found
 */
export async function inPlanTx<T>(
  engine: Engine,
  tx: Tx,
  { planId, actor, ahead, work }: PlanTxContext & { work: (change: PlanTx) => Promise<T> },
): Promise<{ result: T; hasMessage: boolean; types: EventType[] }> {
  const locked = await lockPlan(engine, tx, { planId, ahead });
  if (locked === undefined) throw planNotFound(planId);
  const { plan, now } = locked;
  const traceId = activeTraceId() ?? traceIdOf(plan.traceparent);
  const events: NewEvent[] = [];
  let hasMessage = false;
  const result = await work({
    tx,
    now,
    plan,
    actor,
    append: (...more) => {
      events.push(...more);
      return Promise.resolve();
    },
    noteMessage: () => {
      hasMessage = true;
    },
  });
  await appendEvents(tx, { planId, nextSeq: plan.next_seq, actor, now, traceId }, events);
  return { result, hasMessage, types: events.map(({ type }) => type) };
}

/**
 * Runs one guarded change of a plan in one transaction, and after the commit wakes readers when its log
 * grew, and the queue when there is a message.
 * @throws AgentError not_found when the plan does not exist.
 */
export async function changePlan<T>(
  engine: Engine,
  context: PlanTxContext,
  work: (change: PlanTx) => Promise<T>,
): Promise<T> {
  const startedAt = engine.clock.monotonic();
  const changed = await engine.store.tx((tx) => inPlanTx(engine, tx, { ...context, work }));
  const { result, hasMessage, types } = changed;
  if (types.length > 0) measureAppend({ seconds: (engine.clock.monotonic() - startedAt) / 1_000, types });
  if (types.length > 0) engine.bus.wake(context.planId);
  if (hasMessage) engine.wakeQueue();
  return result;
}

export function planNotFound(planId: string): AgentError {
  return new AgentError("not_found", `There is no plan ${planId}.`, {
    details: { next: "`ossaat runs --all` lists the plans" },
  });
}

/** A worker's right to write for one attempt of a step. */
export type Claim = {
  planId: string;
  stepId: string;
  attempt: number;
  fence: number;
  worker: string;
  /** Span of the attempt before this one; absent = there was none, or none is known. */
  previousTrace?: string | undefined;
  /** When it was taken, by the clock that everything waits by, ms since the epoch. */
  at: number;
  step: StepRow;
  plan: PlanRow;
};

/** Thrown when a worker's fence is no longer the newest: it must stop and write nothing. */
export class LeaseLost extends AgentError {
  constructor(claim: Pick<Claim, "planId" | "stepId">) {
    super("conflict", `The lease on ${claim.planId}/${claim.stepId} was lost.`, { details: { leaseLost: true } });
  }
}

export const systemActor: Actor = { kind: "system", id: "engine" };

export function workerActor(worker: string): Actor {
  return { kind: "worker", id: worker };
}
