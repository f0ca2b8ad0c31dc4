// How many steps may run at once. What is counted are the steps' own rows, so that no account of it can
// be wrong. A message whose step may not run now leaves its pool and waits in a line of the cap that is
// full: a pool that no worker takes from.
import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { Reader, Tx } from "../store/store.ts";
import type { PlanRow } from "../store/tables.ts";
import type { CapKind, RunningCaps } from "./dispatch-rules.ts";
import type { Engine } from "./engine.ts";

/** Whom a cap is about. */
export type CapScope = Pick<PlanRow, "id" | "tenant_id" | "repository_path">;

/** The narrowest first: where several are full, it is the last that has room again. */
const kinds: readonly CapKind[] = ["plan", "repository", "tenant"];

/** Every name of a line lies between these two. */
export const lineNames = { from: "held:", to: "held;" } as const;

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
  return kinds.find((kind) => line.startsWith(`${lineNames.from}${kind}:`));
}

/** Caps that are set, as they are looked at. */
export function setCaps({ dispatch }: Pick<Engine, "dispatch">): readonly (readonly [CapKind, number])[] {
  const caps: RunningCaps = dispatch?.caps ?? {};
  return kinds.flatMap((kind) => {
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

/** Messages in a line that go before one that became ready then, counted no further than `limit`. */
async function countAhead(
  tx: Tx,
  { line, priority, readyAt, limit }: { line: string; priority: number; readyAt: number; limit: number },
): Promise<number> {
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

/**
 * The cap that keeps a step of the plan from running now: it is full, or what waits for its room goes
 * first. Undefined when there is room, which no other claim takes before this transaction has ended.
 */
export async function findFullCap(
  engine: Engine,
  tx: Tx,
  { plan, readyAt }: { plan: PlanRow; readyAt: number },
): Promise<CapKind | undefined> {
  const caps = setCaps(engine);
  if (caps.length === 0) return undefined;
  await passGate(engine, tx, plan.tenant_id);
  const running = await countRunning(tx, plan);
  const full = caps.find(([kind, cap]) => running[kind] >= cap);
  if (full !== undefined) return full[0];
  const { priority } = plan;
  for (const [kind, cap] of caps) {
    const limit = cap - running[kind];
    if ((await countAhead(tx, { line: lineOf(kind, plan), priority, readyAt, limit })) >= limit) return kind;
  }
  return undefined;
}
