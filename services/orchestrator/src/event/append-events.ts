// Appends events in the caller's transaction. The sequence is allocated under the plan row, which the
// caller has locked, so it is gapless per plan and readers that tail by sequence never skip a row.
import type { Actor, EventData, EventType } from "@ossaat/contracts";

import { statement } from "../store/statement.ts";
import type { Slots, Statement } from "../store/statement.ts";
import type { Tx } from "../store/store.ts";
import type { EventRow } from "../store/tables.ts";

export type NewEvent = {
  [T in EventType]: { type: T; data: EventData<T>; stepId?: string | undefined; attempt?: number | undefined };
}[EventType];

export type AppendContext = {
  planId: string;
  /** Number of the first of them: the plan's `next_seq`, as read when its row was locked in this transaction. */
  nextSeq: number;
  actor: Actor;
  /** Milliseconds since the epoch. */
  now: number;
  traceId?: string | undefined;
};

// NOTE: it asks for no answer, so that it travels with the events and with what comes after them.
const takeSequence = statement((db, slots: Slots<{ planId: string; nextSeq: number; now: number }>) =>
  db.updateTable("plan").set({ next_seq: slots.nextSeq, updated_at: slots.now }).where("id", "=", slots.planId),
);

const columns = [
  "plan_id",
  "seq",
  "at",
  "type",
  "step_id",
  "attempt",
  "actor_json",
  "data_json",
  "trace_id",
] as const satisfies (keyof EventRow)[];

/** Rows of one statement; more take several. */
const maxRows = 20;

type Cells = Record<string, string | number | null>;

const cell = (column: keyof EventRow, row: number) => `${column} ${row}`;

/** By the number of rows. */
const inserts = new Map<number, Statement<Cells, unknown>>();

function insertOf(rows: number): Statement<Cells, unknown> {
  const known = inserts.get(rows);
  if (known !== undefined) return known;
  const made = statement((db, slots: Slots<Cells>) =>
    db.insertInto("event").values(
      Array.from({ length: rows }, (_, row) => {
        const values = columns.map((column) => [column, slots[cell(column, row)]]);
        return Object.fromEntries(values) as EventRow;
      }),
    ),
  );
  inserts.set(rows, made);
  return made;
}

async function insertEvents(tx: Tx, rows: readonly EventRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += maxRows) {
    const part = rows.slice(from, from + maxRows);
    const cells = part.flatMap((row, index) => columns.map((column) => [cell(column, index), row[column]] as const));
    await insertOf(part.length)(tx, Object.fromEntries(cells));
  }
}

/** The caller holds the plan's row. */
export async function appendEvents(tx: Tx, context: AppendContext, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const { planId, nextSeq, actor, now, traceId } = context;
  await takeSequence(tx, { planId, nextSeq: nextSeq + events.length, now });
  const actorJson = JSON.stringify(actor);
  const rows = events.map((event, index): EventRow => ({
    plan_id: planId,
    seq: nextSeq + index,
    at: now,
    type: event.type,
    step_id: event.stepId ?? null,
    attempt: event.attempt ?? null,
    actor_json: actorJson,
    data_json: JSON.stringify(event.data),
    trace_id: traceId ?? null,
  }));
  await insertEvents(tx, rows);
}
