// Claims on outbox rows: who hands out which message now, so that nobody else does. For all that
// hand messages out: the embedded queue and the relay to a broker. A claim is a courtesy that saves
// work; that no step runs twice is the fence's business.
import { sql } from "kysely";

import type { Clock } from "../clock.ts";
import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { Store, Tx } from "../store/store.ts";
import type { OutboxRow } from "../store/tables.ts";

export type ClaimedMessage = Pick<OutboxRow, "id" | "envelope_json" | "claimed_until">;

export type OutboxClaims = {
  /**
   * The next messages of a pool, the most urgent first, which nobody else gets for `forMs`. A holder
   * that dies needs to do nothing: its claims run out, by the database's clock when it is shared.
   */
  take(from: { pool: string; limit: number; forMs: number }): Promise<ClaimedMessage[]>;
  /** Lets anybody take the messages `afterMs` from now; one that another took meanwhile stays with it. */
  giveBack(messages: readonly ClaimedMessage[], afterMs?: number): Promise<void>;
  /** Deletes messages that were handed out; one that is gone already is fine. */
  remove(messages: readonly Pick<ClaimedMessage, "id">[]): Promise<void>;
};

type Ordered = ClaimedMessage & Pick<OutboxRow, "priority" | "available_at">;

function byUrgency(a: Ordered, b: Ordered): number {
  const order = b.priority - a.priority || a.available_at - b.available_at;
  return order === 0 ? (a.id < b.id ? -1 : 1) : order;
}

/**
 * `available_at` orders messages and holds none back: it is the past when it is written, and lies
 * ahead only when the clock was set back.
 */
function claimRows(
  tx: Tx,
  { store, clock }: ClaimDeps,
  { pool, limit, forMs }: { pool: string; limit: number; forMs: number },
): Promise<Ordered[]> {
  const time = sql<number>`${store.leaseTime(clock.now())}`;
  // NOTE: chosen in a part of its own, because a server may run a subquery of an update again for
  // each row, and then takes more than the limit.
  return tx
    .with("chosen", (db) =>
      db
        .selectFrom("outbox")
        .select("id")
        .where("pool", "=", pool)
        .where("claimed_until", "<=", time)
        .orderBy("priority", "desc")
        .orderBy("available_at")
        .orderBy("id")
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .updateTable("outbox")
    .from("chosen")
    .set({ claimed_until: sql<number>`${time} + ${sql.lit(forMs)}` })
    .whereRef("outbox.id", "=", "chosen.id")
    .returning(["outbox.id", "envelope_json", "claimed_until", "priority", "available_at"])
    .execute();
}

type ClaimDeps = { store: Store; clock: Clock };

async function removeRows(store: Store, messages: readonly { id: string }[]): Promise<void> {
  const ids = messages.map(({ id }) => id);
  if (ids.length === 0) return;
  // The claim of a step has mostly taken its message out already, and then there is nothing to commit.
  const left = await store.read.selectFrom("outbox").select("id").where("id", "in", ids).execute();
  if (left.length === 0) return;
  await store.tx((tx) => tx.deleteFrom("outbox").where("id", "in", ids).execute());
}

/** Claims in the rows, for databases on which several processes work. */
function rowClaims(deps: ClaimDeps): OutboxClaims {
  const { store, clock } = deps;
  return {
    remove: (messages) => removeRows(store, messages),
    take: async (from) => (await store.tx((tx) => claimRows(tx, deps, from))).sort(byUrgency),
    async giveBack(messages, afterMs = 0) {
      if (messages.length === 0) return;
      const free = sql<number>`${store.leaseTime(clock.now())} + ${sql.lit(afterMs)}`;
      await store.tx((tx) =>
        tx
          .updateTable("outbox")
          .set({ claimed_until: free })
          // The end of a claim names it: the next one on the same row ends later.
          .where((eb) =>
            eb.or(
              messages.map(({ id, claimed_until: until }) =>
                eb.and([eb("id", "=", id), eb("claimed_until", "=", until)]),
              ),
            ),
          )
          .execute(),
      );
    },
  };
}

const selectNext = statement((db, { pool, limit }: Slots<{ pool: string; limit: number }>) =>
  db
    .selectFrom("outbox")
    .select(["id", "envelope_json"])
    .where("pool", "=", pool)
    .orderBy("priority", "desc")
    .orderBy("available_at")
    .orderBy("id")
    .limit(limit),
);

/** Until when, by the clock that never jumps, each message is claimed. */
type Held = Map<string, number>;

const heldOf = new WeakMap<Store, Held>();

/**
 * Claims in memory, for a database that one process owns: when it dies, whatever it held can be taken
 * at once, and a claim costs no commit.
 */
function memoryClaims({ store, clock }: ClaimDeps): OutboxClaims {
  const held = heldOf.get(store) ?? new Map<string, number>();
  heldOf.set(store, held);
  return {
    async take({ pool, limit, forMs }) {
      const now = clock.monotonic();
      for (const [id, until] of held) if (until <= now) held.delete(id);
      const rows = await selectNext(store.read, { pool, limit: limit + held.size });
      const free = rows.filter(({ id }) => !held.has(id)).slice(0, limit);
      for (const { id } of free) held.set(id, now + forMs);
      return free.map((row) => ({ ...row, claimed_until: now + forMs }));
    },
    giveBack(messages, afterMs = 0) {
      for (const { id, claimed_until: until } of messages) {
        if (held.get(id) === until) held.set(id, clock.monotonic() + afterMs);
      }
      return Promise.resolve();
    },
    async remove(messages) {
      await removeRows(store, messages);
      for (const { id } of messages) held.delete(id);
    },
  };
}

/** The claims of this process on the outbox of `store`. */
export function createOutboxClaims(deps: ClaimDeps): OutboxClaims {
  return deps.store.isShared ? rowClaims(deps) : memoryClaims(deps);
}
