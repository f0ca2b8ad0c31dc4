// Appends events in the caller's transaction. The sequence is allocated under the plan row,
// so it is gapless per plan and readers that tail by sequence never skip a row.
import { AgentError } from "@ossaat/contracts";
import type { Actor, EventData, EventType } from "@ossaat/contracts";

import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { Tx } from "../store/store.ts";
import type { EventRow } from "../store/tables.ts";

export type NewEvent = {
  [T in EventType]: { type: T; data: EventData<T>; stepId?: string | undefined; attempt?: number | undefined };
}[EventType];

export type AppendContext = { planId: string; actor: Actor; now: number; traceId?: string | undefined };

const takeSequence = statement((db, slots: Slots<{ planId: string; count: number; now: number }>) =>
  db
    .updateTable("plan")
    .set((eb) => ({ next_seq: eb("next_seq", "+", slots.count), updated_at: slots.now }))
    .where("id", "=", slots.planId)
    .returning("next_seq"),
);

const insertEvent = statement((db, slots: Slots<EventRow>) =>
  db.insertInto("event").values({
    plan_id: slots.plan_id,
    seq: slots.seq,
    at: slots.at,
    type: slots.type,
    step_id: slots.step_id,
    attempt: slots.attempt,
    actor_json: slots.actor_json,
    data_json: slots.data_json,
    trace_id: slots.trace_id,
  }),
);

/** @throws AgentError not_found when the plan does not exist. */
export async function appendEvents(tx: Tx, context: AppendContext, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const { planId, actor, now, traceId } = context;
  const [row] = await takeSequence(tx, { planId, count: events.length, now });
  if (row === undefined) {
    throw new AgentError("not_found", `There is no plan ${planId}.`, { details: { next: "ossaat runs --all" } });
  }
  const first = row.next_seq - events.length;
  const actorJson = JSON.stringify(actor);
  for (const [index, event] of events.entries()) {
    await insertEvent(tx, {
      plan_id: planId,
      seq: first + index,
      at: now,
      type: event.type,
      step_id: event.stepId ?? null,
      attempt: event.attempt ?? null,
      actor_json: actorJson,
      data_json: JSON.stringify(event.data),
      trace_id: traceId ?? null,
    });
  }
}
