// Lets messages out of the lines of caps as soon as there is room: after a step has ended, after one was
// held, and by a sweep for what both missed. One too many does no harm: its claim puts it back.
import { sql } from "kysely";

import { isStoreOutage } from "../store/store-outage.ts";
import type { PlanRow, OutboxRow } from "../store/tables.ts";
import type { Engine } from "./engine.ts";
import { readEnvelope } from "./envelope-text.ts";
import { jobEngineLimits } from "./limits.ts";
import { countOnTheirWay, countRunning, kindOfLine, lineNames, lineOf, setCaps } from "./running-caps.ts";
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

/** The next lines after one, by name. */
async function linesAfter({ store }: Engine, after: string): Promise<string[]> {
  const lines: string[] = [];
  for (let last = after; lines.length < jobEngineLimits.sweepBatch;) {
    const row = await store.read
      .selectFrom("outbox")
      .select("pool")
      .where("pool", ">", last)
      .where("pool", "<", lineNames.to)
      .orderBy("pool")
      .limit(1)
      .executeTakeFirst();
    if (row === undefined) break;
    lines.push(row.pool);
    last = row.pool;
  }
  return lines;
}

/** Makes the sweep over all lines, some at a time; also of caps that are not set any more. */
export function createHeldSweep(engine: Engine): () => Promise<void> {
  let after: string = lineNames.from;
  return async function sweepHeld() {
    const lines = await linesAfter(engine, after);
    after = lines.length < jobEngineLimits.sweepBatch ? lineNames.from : (lines.at(-1) ?? lineNames.from);
    await releaseLines(engine, lines);
  };
}
