// What waits and what runs, from the database: the truth that a broker's own figures, near zero by
// design, do not show. Every replica reads the same, so queries take the maximum, never the sum.
import type { PlanStatus, StepStatus } from "@ossaat/contracts";

import type { CapKind } from "../job/dispatch-rules.ts";
import type { Engine } from "../job/engine.ts";
import { capKinds, linesOf } from "../job/running-caps.ts";
import { readStoreTime } from "../job/store-time.ts";
import type { Reader } from "../store/store.ts";
import { metricsLimits } from "./limits.ts";

/** How many, and since when the oldest of them waits; null = there is none. */
export type Waiting = { count: number; oldestSeconds: number | null };

export type Backlog = {
  pools: {
    pool: string;
    ready: Waiting;
    running: number;
    backoff: number;
    needsReconcile: number;
    /** Messages not handed over yet. */
    outbox: Waiting;
  }[];
  /** Messages that wait for room, by the cap that is full. */
  held: { cap: CapKind; waiting: Waiting }[];
  /** By what is decided: a whole plan, a step, a call, or what became of an effect. */
  approvals: { kind: string; waiting: Waiting }[];
};

const { maxCounted } = metricsLimits;

/** Plans whose ready steps may start. */
const going: readonly PlanStatus[] = ["draft", "pending", "running"];
const open: readonly PlanStatus[] = [...going, "paused", "cancelling"];

type Figures = { count: number; oldest: number | null };

/** Steps of one status, bounded to those whose turn comes first. */
async function readSteps(
  read: Reader,
  { pool, status, plans }: { pool: string; status: StepStatus; plans: readonly PlanStatus[] },
): Promise<Figures> {
  return read
    .selectFrom((eb) =>
      eb
        .selectFrom("step")
        .innerJoin("plan", "plan.id", "step.plan_id")
        .select((found) => found.fn.coalesce("step.waiting_since", "step.ready_at").as("at"))
        .where("step.status", "=", status)
        .where("step.pool", "=", pool)
        .where("plan.status", "in", [...plans])
        .orderBy("step.ready_at")
        .limit(maxCounted)
        .as("found"),
    )
    .select((eb) => [eb.fn.countAll<number>().as("count"), eb.fn.min<number | null>("found.at").as("oldest")])
    .executeTakeFirstOrThrow();
}

/** Messages in the order they are handed out. */
async function readOutbox(read: Reader, pool: string): Promise<Figures> {
  return read
    .selectFrom((eb) =>
      eb
        .selectFrom("outbox")
        .select((message) => message.fn.coalesce("written_at", "available_at").as("at"))
        .where("pool", "=", pool)
        .orderBy("priority", "desc")
        .orderBy("available_at")
        .limit(maxCounted)
        .as("found"),
    )
    .select((eb) => [eb.fn.countAll<number>().as("count"), eb.fn.min<number | null>("found.at").as("oldest")])
    .executeTakeFirstOrThrow();
}

/** Messages in the lines of one kind of cap. */
async function readHeld(read: Reader, kind: CapKind): Promise<Figures> {
  const { from, to } = linesOf(kind);
  return read
    .selectFrom((eb) =>
      eb
        .selectFrom("outbox")
        .select("available_at as at")
        .where("pool", ">=", from)
        .where("pool", "<", to)
        .limit(maxCounted)
        .as("found"),
    )
    .select((eb) => [eb.fn.countAll<number>().as("count"), eb.fn.min<number | null>("found.at").as("oldest")])
    .executeTakeFirstOrThrow();
}

async function readPlans(read: Reader): Promise<Figures> {
  return read
    .selectFrom((eb) =>
      eb
        .selectFrom("plan")
        .select("updated_at as at")
        .where("status", "=", "awaiting_approval")
        .orderBy("updated_at")
        .limit(maxCounted)
        .as("found"),
    )
    .select((eb) => [eb.fn.countAll<number>().as("count"), eb.fn.min<number | null>("found.at").as("oldest")])
    .executeTakeFirstOrThrow();
}

const approvalKinds = ["step", "call", "reconcile"] as const;

async function readApprovals(read: Reader): Promise<({ kind: string } & Figures)[]> {
  return read
    .selectFrom((eb) =>
      eb
        .selectFrom("approval")
        .select(["kind", "requested_at as at"])
        .where("status", "=", "pending")
        .limit(maxCounted)
        .as("found"),
    )
    .select("found.kind as kind")
    .select((eb) => [eb.fn.countAll<number>().as("count"), eb.fn.min<number | null>("found.at").as("oldest")])
    .groupBy("found.kind")
    .execute();
}

/** Reads them with a handful of bounded statements. @throws AgentError unavailable */
export async function readBacklog(engine: Pick<Engine, "store" | "clock">, pools: readonly string[]): Promise<Backlog> {
  const { read } = engine.store;
  const now = await readStoreTime(engine, read);
  const waiting = ({ count, oldest }: Figures = { count: 0, oldest: null }): Waiting => ({
    count,
    oldestSeconds: oldest === null ? null : Math.max(0, now - oldest) / 1_000,
  });
  const found: Backlog["pools"] = [];
  for (const pool of pools) {
    const count = async (status: StepStatus) => (await readSteps(read, { pool, status, plans: open })).count;
    found.push({
      pool,
      ready: waiting(await readSteps(read, { pool, status: "ready", plans: going })),
      running: await count("running"),
      backoff: await count("backoff"),
      needsReconcile: await count("needs_reconcile"),
      outbox: waiting(await readOutbox(read, pool)),
    });
  }
  const held: Backlog["held"] = [];
  for (const cap of capKinds) held.push({ cap, waiting: waiting(await readHeld(read, cap)) });
  const asked = new Map((await readApprovals(read)).map((row) => [row.kind, row]));
  return {
    pools: found,
    held,
    approvals: [
      { kind: "plan", waiting: waiting(await readPlans(read)) },
      ...approvalKinds.map((kind) => ({ kind, waiting: waiting(asked.get(kind)) })),
    ],
  };
}
