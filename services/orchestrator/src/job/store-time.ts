// The time that everything that waits goes by: the database's own where machines share it, because
// theirs differ.
import { sql } from "kysely";
import type { Expression } from "kysely";

import type { Clock } from "../clock.ts";
import type { Reader, Store, Tx } from "../store/store.ts";

/** Offsets are few and fixed; one that is worked out each time must not fill the memory. */
const maxOffsets = 100;

type TimeSource = { store: Pick<Store, "leaseTime">; clock: Clock };

/** By the database's clock and the offset: what is built from one and the same expression is built once. */
const offsets = new WeakMap<Expression<number>, Map<number, Expression<number>>>();

function withOffset(time: Expression<number>, offsetMs: number): Expression<number> {
  const known = offsets.get(time) ?? new Map<number, Expression<number>>();
  offsets.set(time, known);
  // NOTE: a subquery is worked out once, so that an index finds what is due by it.
  const moment = known.get(offsetMs) ?? sql<number>`(select ${time} + ${sql.lit(offsetMs)})`;
  if (known.size < maxOffsets) known.set(offsetMs, moment);
  return moment;
}

/** The moment `offsetMs` from now, to be written or compared with in a statement, ms since the epoch. */
export function storeTime({ store, clock }: TimeSource, offsetMs = 0): number | Expression<number> {
  const time = store.leaseTime(clock.now());
  return typeof time === "number" ? time + offsetMs : withOffset(time, offsetMs);
}

/** The moment as it is now, ms since the epoch. */
export async function readStoreTime({ store, clock }: TimeSource, db: Reader | Tx): Promise<number> {
  const time = store.leaseTime(clock.now());
  if (typeof time === "number") return time;
  const { rows } = await sql<{ time: number }>`select ${time} as time`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error("the database did not say its time");
  return row.time;
}
