// The turn journal in the database that workers share: another one goes on where one died.
import { randomUUID } from "node:crypto";

import { PlanId, StepId } from "@ossaat/contracts";
import type { StreamEvent } from "@ossaat/providers";

import type { Store, Tx } from "../../store/store.ts";
import { terminalStatuses } from "../ended-plans.ts";
import type { TurnJournal, TurnKey, TurnRecording } from "../turn-journal.ts";

function checkKey({ planId, stepId, turn }: TurnKey): TurnKey {
  return { planId: PlanId.parse(planId), stepId: StepId.parse(stepId), turn };
}

/** With their events; the events first, for a database that does not do so by itself. */
async function deleteRecords(tx: Tx, planId: string, one?: Omit<TurnKey, "planId">): Promise<void> {
  const all = tx.selectFrom("turn_record").select("id").where("plan_id", "=", planId);
  const ids = one === undefined ? all : all.where("step_id", "=", one.stepId).where("turn", "=", one.turn);
  await tx.deleteFrom("turn_event").where("record_id", "in", ids).execute();
  await tx.deleteFrom("turn_record").where("id", "in", ids).execute();
}

function recording(store: Store, id: string): TurnRecording {
  let n = 0;
  return {
    async add(event) {
      n += 1;
      const row = { n, event_json: JSON.stringify(event) };
      // NOTE: into nothing when the record is another's by now: its writer lost the lease.
      await store.tx((tx) =>
        tx
          .insertInto("turn_event")
          .columns(["record_id", "n", "event_json"])
          .expression((eb) =>
            eb
              .selectFrom("turn_record")
              .select(["id", eb.val(row.n).as("n"), eb.val(row.event_json).as("event_json")])
              .where("id", "=", id),
          )
          .execute(),
      );
    },
    close: () => Promise.resolve(),
  };
}

export function createStoreTurnJournal(store: Store): TurnJournal {
  const received = async (given: TurnKey): Promise<StreamEvent[] | undefined> => {
    const { planId, stepId, turn } = checkKey(given);
    const rows = await store.read
      .selectFrom("turn_record")
      .leftJoin("turn_event", "turn_event.record_id", "turn_record.id")
      .select("turn_event.event_json")
      .where("plan_id", "=", planId)
      .where("step_id", "=", stepId)
      .where("turn", "=", turn)
      .orderBy("turn_event.n")
      .execute();
    if (rows.length === 0) return undefined;
    // A record without events is one row without an event.
    return rows.flatMap(({ event_json: json }) => (json === null ? [] : [JSON.parse(json) as StreamEvent]));
  };
  return {
    async begin(given) {
      const { planId, stepId, turn } = checkKey(given);
      const id = randomUUID();
      await store.tx(async (tx) => {
        await deleteRecords(tx, planId, { stepId, turn });
        const known = { plan_id: planId };
        await tx
          .insertInto("turn_plan")
          .values(known)
          .onConflict((conflict) => conflict.column("plan_id").doNothing())
          .execute();
        await tx.insertInto("turn_record").values({ id, plan_id: planId, step_id: stepId, turn }).execute();
      });
      return recording(store, id);
    },
    async delivered(key) {
      const events = await received(key);
      return events?.at(-1)?.type === "finish" ? events : undefined;
    },
    received,
    async forget(given) {
      const { planId, stepId, turn } = checkKey(given);
      await store.tx((tx) => deleteRecords(tx, planId, { stepId, turn }));
    },
    async plans() {
      const rows = await store.read.selectFrom("turn_plan").select("plan_id").execute();
      return rows.map(({ plan_id: planId }) => planId);
    },
    endedPlans: (read) =>
      read
        .selectFrom("turn_plan")
        .innerJoin("plan", "plan.id", "turn_plan.plan_id")
        .select(["plan.id as planId", "plan.status"])
        .where("plan.status", "in", terminalStatuses)
        .orderBy("plan.id")
        .execute(),
    async forgetPlan(planId) {
      await store.tx(async (tx) => {
        await deleteRecords(tx, PlanId.parse(planId));
        await tx.deleteFrom("turn_plan").where("plan_id", "=", planId).execute();
      });
    },
  };
}
