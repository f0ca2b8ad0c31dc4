// The turn journal in the database that workers share: another one goes on where one died.
import { randomUUID } from "node:crypto";

import { PlanId, StepId } from "@ossaat/contracts";
import type { StreamEvent } from "@ossaat/providers";
import { sql } from "kysely";

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

const journalLimits = {
  /** Time for which the pieces of an answer are collected, ms: a person who reads it live sees them all the same. */
  flushMs: 50,
  /** Pieces that wait to be written; a stream that brings more waits for the database. */
  maxPieces: 500,
} as const;

/** What a turn is charged by, and what makes it one that is not bought again: never held back. */
const urgent: readonly StreamEvent["type"][] = ["usage", "finish"];

/** Collects the pieces of one turn. After a piece that could not be written nothing is: a record has no gaps. */
class StoreRecording implements TurnRecording {
  readonly #store: Store;
  readonly #id: string;
  #n = 0;
  #waiting: { n: number; json: string }[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #failure: { error: unknown } | undefined;

  constructor(store: Store, id: string) {
    this.#store = store;
    this.#id = id;
  }

  async add(event: StreamEvent): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#n += 1;
    this.#waiting.push({ n: this.#n, json: JSON.stringify(event) });
    if (urgent.includes(event.type) || this.#waiting.length >= journalLimits.maxPieces) await this.#flush();
    // Why it failed is told to whoever adds the next one or closes.
    else this.#timer ??= setTimeout(() => void this.#flush().catch(() => undefined), journalLimits.flushMs);
  }

  async close(): Promise<void> {
    await this.#flush();
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const pieces = this.#waiting.splice(0);
    if (pieces.length === 0) return;
    const rows = sql.join(pieces.map(({ n, json }) => sql`(cast(${n} as integer), cast(${json} as text))`));
    try {
      // NOTE: into nothing when the record is another's by now: its writer lost the lease.
      await this.#store.tx((tx) =>
        sql`
          insert into turn_event (record_id, n, event_json)
          select turn_record.id, piece.column1, piece.column2
          from turn_record cross join (values ${rows}) as piece where turn_record.id = ${this.#id}
        `.execute(tx),
      );
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
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
      return new StoreRecording(store, id);
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
