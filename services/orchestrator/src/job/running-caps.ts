// How many steps may run at once. What is counted are the steps' own rows, so that no account of it can
// be wrong. A message whose step may not run now leaves its pool and waits in a line of the cap that is
// full: a pool that no worker takes from.
import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { Reader, Tx } from "../store/store.ts";
import type { OutboxRow, PlanRow } from "../store/tables.ts";
import type { CapKind, RunningCaps } from "./dispatch-rules.ts";
import type { Engine } from "./engine.ts";
import { jobEngineLimits } from "./limits.ts";

/** Whom a cap is about. */
export type CapScope = Pick<PlanRow, "id" | "tenant_id" | "repository_path">;

/** The narrowest first: where several are full, it is the last that has room again. */
export const capKinds: readonly CapKind[] = ["plan", "repository", "tenant"];

/** Every name of a line lies between these two. */
export const lineNames = { from: "held:", to: "held;" } as const;

/** The lines of one kind of cap lie between these two. */
export function linesOf(kind: CapKind): { from: string; to: string } {
  return { from: `${lineNames.from}${kind}:`, to: `${lineNames.from}${kind};` };
}

/** The pool in which messages wait for room under a cap. */
export function lineOf(kind: CapKind, { id, tenant_id: tenantId, repository_path: path }: CapScope): string {
  switch (kind) {
    case "plan":
      return `${lineNames.from}plan:${id}`;
    case "repository":
      return `${lineNames.from}repository:${tenantId}:${path}`;
    case "tenant":
      return `${lineNames.from}tenant:${tenantId}`;
  }
}

/** @returns undefined for a pool that is no line */
export function kindOfLine(line: string): CapKind | undefined {
  return capKinds.find((kind) => line.startsWith(`${lineNames.from}${kind}:`));
}

/** Caps that are set, as they are looked at. */
export function setCaps({ dispatch }: Pick<Engine, "dispatch">): readonly (readonly [CapKind, number])[] {
  const caps: RunningCaps = dispatch?.caps ?? {};
  return capKinds.flatMap((kind) => {
    const cap = caps[kind];
    return cap === undefined ? [] : [[kind, cap] as const];
  });
}

const countAll = statement(
  (db, { planId, tenantId, path }: Slots<{ planId: string; tenantId: string; path: string }>) =>
    db
      .selectFrom("step")
      .innerJoin("plan", "plan.id", "step.plan_id")
      .select((eb) => [
        eb.fn.countAll<number>().as("tenant"),
        eb.fn.countAll<number>().filterWhere("plan.repository_path", "=", path).as("repository"),
        eb.fn.countAll<number>().filterWhere("plan.id", "=", planId).as("plan"),
      ])
      .where("step.status", "=", "running")
      .where("plan.tenant_id", "=", tenantId),
);

/** How many steps run, by whom a cap is about. */
export async function countRunning(
  db: Reader | Tx,
  { id, tenant_id: tenantId, repository_path: path }: CapScope,
): Promise<Readonly<Record<CapKind, number>>> {
  const [counts] = await countAll(db, { planId: id, tenantId, path });
  return counts ?? { tenant: 0, repository: 0, plan: 0 };
}

/** How many steps of a plan run. */
type RunningOfPlan = CapScope & { running: number };

/** How many steps run, of each plan of which some do: no more rows than the deployment has slots. */
export async function countAllRunning(db: Reader): Promise<RunningOfPlan[]> {
  return db
    .selectFrom("step")
    .innerJoin("plan", "plan.id", "step.plan_id")
    .select(["plan.id", "plan.tenant_id", "plan.repository_path"])
    .select((eb) => eb.fn.countAll<number>().as("running"))
    .where("step.status", "=", "running")
    .groupBy(["plan.id", "plan.tenant_id", "plan.repository_path"])
    .execute();
}

const sharesCap: { readonly [K in CapKind]: (one: CapScope, other: CapScope) => boolean } = {
  plan: (one, other) => one.id === other.id,
  repository: (one, other) => one.tenant_id === other.tenant_id && one.repository_path === other.repository_path,
  tenant: (one, other) => one.tenant_id === other.tenant_id,
};

/** Those among them that a cap of the plan counts. */
export function sumRunning(plans: readonly RunningOfPlan[], kind: CapKind, scope: CapScope): number {
  return plans.filter((each) => sharesCap[kind](each, scope)).reduce((sum, { running }) => sum + running, 0);
}

const lockGate = statement((db, { tenantId }: Slots<{ tenantId: string }>) =>
  db.selectFrom("claim_gate").select("tenant_id").where("tenant_id", "=", tenantId).forUpdate(),
);

/** Lets the claims of a tenant count one after the other, until each has committed. */
async function passGate({ store }: Engine, tx: Tx, tenantId: string): Promise<void> {
  if (store.hasOneWriter || (await lockGate(tx, { tenantId })).length > 0) return;
  await tx
    .insertInto("claim_gate")
    .values({ tenant_id: tenantId })
    .onConflict((conflict) => conflict.column("tenant_id").doNothing())
    .execute();
  await lockGate(tx, { tenantId });
}

/** A message's place in the order in which messages are handed out. */
export type Place = Pick<OutboxRow, "priority" | "available_at">;

const goesBefore = (one: Place, other: Place) =>
  one.priority > other.priority || (one.priority === other.priority && one.available_at < other.available_at);

/** Messages in a line that go before a place, counted no further than `limit`. */
async function countInLine(
  tx: Tx,
  { line, place, limit }: { line: string; place: Place; limit: number },
): Promise<number> {
  const { priority, available_at: readyAt } = place;
  const ahead = await tx
    .selectFrom("outbox")
    .select("id")
    .where("pool", "=", line)
    .where((eb) =>
      eb.or([eb("priority", ">", priority), eb.and([eb("priority", "=", priority), eb("available_at", "<", readyAt)])]),
    )
    .limit(limit)
    .execute();
  return ahead.length;
}

export type OnTheirWay = { kind: CapKind; scope: CapScope; pool: string; place: Place };

/**
 * Messages that compete for the same room, go before a place, and wait in no line: let out, or not taken
 * yet. Of the tenant's first messages alone, because more are not handed out before it.
 */
export async function countOnTheirWay(db: Reader | Tx, { kind, scope, pool, place }: OnTheirWay): Promise<number> {
  const first = await db
    .selectFrom("outbox")
    .innerJoin("plan", "plan.id", "outbox.plan_id")
    .select(["plan.id", "plan.repository_path", "outbox.priority", "outbox.available_at"])
    .where("outbox.pool", "=", pool)
    .where("outbox.tenant_id", "=", scope.tenant_id)
    .orderBy("outbox.priority", "desc")
    .orderBy("outbox.available_at")
    .limit(jobEngineLimits.sweepBatch)
    .execute();
  return first.filter(
    (message) =>
      goesBefore(message, place) &&
      (kind !== "plan" || message.id === scope.id) &&
      (kind !== "repository" || message.repository_path === scope.repository_path),
  ).length;
}

/**
 * The cap that keeps a step of the plan from running now: it is full, or what waits for its room goes
 * first. Undefined when there is room, which no other claim takes before this transaction has ended.
 */
export async function findFullCap(
  engine: Engine,
  tx: Tx,
  { plan, pool, readyAt }: { plan: PlanRow; pool: string; readyAt: number },
): Promise<CapKind | undefined> {
  const caps = setCaps(engine);
  if (caps.length === 0) return undefined;
  await passGate(engine, tx, plan.tenant_id);
  const running = await countRunning(tx, plan);
  const full = caps.find(([kind, cap]) => running[kind] >= cap);
  if (full !== undefined) return full[0];
  const place = { priority: plan.priority, available_at: readyAt };
  for (const [kind, cap] of caps) {
    const limit = cap - running[kind];
    const inLine = await countInLine(tx, { line: lineOf(kind, plan), place, limit });
    if (inLine >= limit) return kind;
    // What was let out of the line has not taken its room yet.
    if (inLine + (await countOnTheirWay(tx, { kind, scope: plan, pool, place })) >= limit) return kind;
  }
  return undefined;
}
