// Appends events in the caller's transaction. The sequence is allocated under the plan row,
// so it is gapless per plan and readers that tail by sequence never skip a row.
import { AgentError } from "@ossaat/contracts";
import type { Actor, EventData, EventType } from "@ossaat/contracts";

import type { Tx } from "../store/store.ts";

export type NewEvent = {
  [T in EventType]: { type: T; data: EventData<T>; stepId?: string | undefined; attempt?: number | undefined };
}[EventType];

export type AppendContext = { planId: string; actor: Actor; now: number; traceId?: string | undefined };

/** @throws AgentError not_found when the plan does not exist. */
export async function appendEvents(tx: Tx, context: AppendContext, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  const { planId, actor, now, traceId } = context;
  const row = await tx
    .updateTable("plan")
    .set((eb) => ({ next_seq: eb("next_seq", "+", events.length), updated_at: now }))
    .where("id", "=", planId)
    .returning("next_seq")
    .executeTakeFirst();
  if (row === undefined) {
    throw new AgentError("not_found", `There is no plan ${planId}.`, { details: { next: "ossaat runs --all" } });
  }
  const first = row.next_seq - events.length;
  await tx
    .insertInto("event")
    .values(
      events.map((event, index) => ({
        plan_id: planId,
        seq: first + index,
        at: now,
        type: event.type,
        step_id: event.stepId ?? null,
        attempt: event.attempt ?? null,
        actor_json: JSON.stringify(actor),
        data_json: JSON.stringify(event.data),
        trace_id: traceId ?? null,
      })),
    )
    .execute();
}
