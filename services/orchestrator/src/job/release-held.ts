// Lets messages out of the lines of caps as soon as there is room: after a step has ended, after one was
// held, and by a sweep for what both missed. One too many does no harm: its claim puts it back.
import { sql } from "kysely";
import type { Nullable, RawBuilder } from "kysely";

import { isStoreOutage } from "../store/store-outage.ts";
import type { PlanRow, OutboxRow } from "../store/tables.ts";
import type { Engine } from "./engine.ts";
import { readEnvelope } from "./envelope-text.ts";
import { jobEngineLimits } from "./limits.ts";
import {
  countAllRunning,
  countOnTheirWay,
  countRunning,
  kindOfLine,
  lineNames,
  lineOf,
  setCaps,
  sumRunning,
} from "./running-caps.ts";
import type { CapScope } from "./running-caps.ts";
import { storeTime } from "./store-time.ts";

type Held = Pick<OutboxRow, "id" | "plan_id" | "step_id" | "envelope_json" | "priority" | "available_at">;

async function headOf({ store }: Engine, line: string, count: number): Promise<Held[]> {
  return store.read
    .selectFrom("outbox")
    .select(["id", "plan_id", "step_id", "envelope_json", "priority", "available_at"])
    .where("pool", "=", line)
    .orderBy("priority", "desc")
    .orderBy("available_at")
    .orderBy("id")
    .limit(count)
    .execute();
}

/** How many messages a line may let out now. */
async function roomOf(
  engine: Engine,
  { line, scope, pool, head }: { line: string; scope: PlanRow; pool: string; head: Held },
): Promise<number> {
  const kind = kindOfLine(line);
  const cap = setCaps(engine).find(([each]) => each === kind)?.[1];
  if (kind === undefined || cap === undefined) return jobEngineLimits.sweepBatch;
  const running = await countRunning(engine.store.read, scope);
  const room = cap - running[kind];
  return room <= 0 ? 0 : room - (await countOnTheirWay(engine.store.read, { kind, scope, pool, place: head }));
}

/** Moves a message back into its pool. False for one whose step does not wait any more: that one is dropped. */
async function letOut(engine: Engine, line: string, held: Held): Promise<boolean> {
  const { attempt, pool } = readEnvelope(held.envelope_json);
  return engine.store.tx(async (tx) => {
    const waits = await tx
      .updateTable("step")
      .set({ announced_at: sql<number>`${storeTime(engine)}` })
      .where("plan_id", "=", held.plan_id)
      .where("step_id", "=", held.step_id)
      .where("status", "=", "ready")
      .where("attempt", "=", attempt)
      .returning("step_id")
      .executeTakeFirst();
    if (waits === undefined) {
      await tx.deleteFrom("outbox").where("id", "=", held.id).where("pool", "=", line).execute();
      return false;
    }
    const moved = await tx
      .updateTable("outbox")
      .set({ pool, written_at: sql<number>`${storeTime(engine)}` })
      .where("id", "=", held.id)
      .where("pool", "=", line)
      .returning("id")
      .executeTakeFirst();
    return moved !== undefined;
  });
}

async function releaseLine(engine: Engine, line: string): Promise<number> {
  const [first] = await headOf(engine, line, 1);
  if (first === undefined) return 0;
  const scope = await engine.store.read
    .selectFrom("plan")
    .selectAll()
    .where("id", "=", first.plan_id)
    .executeTakeFirst();
  // Whoever removed the plan has removed its messages too.
  if (scope === undefined) return 0;
  const { pool } = readEnvelope(first.envelope_json);
  const room = Math.min(await roomOf(engine, { line, scope, pool, head: first }), jobEngineLimits.sweepBatch);
  let released = 0;
  while (released < room) {
    const heads = await headOf(engine, line, room - released);
    if (heads.length === 0) break;
    for (const held of heads) if (await letOut(engine, line, held)) released += 1;
  }
  return released;
}

/** One line that cannot be looked at keeps none of the others waiting. */
async function releaseLines(engine: Engine, lines: readonly string[]): Promise<void> {
  let released = 0;
  for (const line of lines) {
    try {
      released += await releaseLine(engine, line);
    } catch (error) {
      engine.log.warn({ line, error }, "steps at a cap wait for the next look");
      if (isStoreOutage(error)) break;
    }
  }
  if (released > 0) engine.wakeQueue();
}

/**
 * Lets out what waits for the same room as this plan's steps. Costs nothing without caps; what a
 * store that is away keeps it from is left to the sweep.
 */
export async function releaseHeld(engine: Engine, plan: CapScope): Promise<void> {
  await releaseLines(
    engine,
    setCaps(engine).map(([kind]) => lineOf(kind, plan)),
  );
}

/** A line, and the plan of the message that is its first; null when that has gone. */
type Line = { line: string; scope: CapScope | null };

/** The next lines after one, by name: one step along an index for each. */
async function linesAfter({ store }: Engine, after: string): Promise<Line[]> {
  const next = (last: RawBuilder<unknown>) => sql`(
    select other.pool from outbox as other
    where other.pool > ${last} and other.pool < ${lineNames.to} order by other.pool limit 1
  )`;
  const { rows } = await sql<{ line: string } & Nullable<CapScope>>`
    with recursive line(name, n) as (
      select ${next(sql`${after}`)}, 1
      union all
      select ${next(sql`line.name`)}, line.n + 1
      from line where line.name is not null and line.n < ${sql.lit(jobEngineLimits.sweepBatch)}
    )
    select line.name as line, plan.id, plan.tenant_id, plan.repository_path
    from line left join outbox as head on head.id = (
      select id from outbox where pool = line.name order by priority desc, available_at, id limit 1
    ) left join plan on plan.id = head.plan_id
    where line.name is not null order by line.name
  `.execute(store.read);
  return rows.map(({ line, id, tenant_id, repository_path }) => {
    const isThere = id !== null && tenant_id !== null && repository_path !== null;
    return { line, scope: isThere ? { id, tenant_id, repository_path } : null };
  });
}

/** Those that may have room: how many steps run is counted once for all of them. */
async function withRoom(engine: Engine, lines: readonly Line[]): Promise<string[]> {
  const caps = new Map(setCaps(engine));
  if (lines.length === 0) return [];
  const running = caps.size === 0 ? [] : await countAllRunning(engine.store.read);
  const isFull = ({ line, scope }: Line) => {
    const kind = kindOfLine(line);
    const cap = kind === undefined ? undefined : caps.get(kind);
    if (kind === undefined || cap === undefined || scope === null) return false;
    return sumRunning(running, kind, scope) >= cap;
  };
  return lines.filter((each) => !isFull(each)).map(({ line }) => line);
}

/** Makes the sweep over all lines, some at a time; also of caps that are not set any more. */
export function createHeldSweep(engine: Engine): () => Promise<void> {
  let after: string = lineNames.from;
  return async function sweepHeld() {
    const lines = await linesAfter(engine, after);
    after = lines.length < jobEngineLimits.sweepBatch ? lineNames.from : (lines.at(-1)?.line ?? lineNames.from);
    await releaseLines(engine, await withRoom(engine, lines));
  };
}
