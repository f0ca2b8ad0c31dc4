// Claims in memory, for a database that one process owns: when it dies, whatever it held can be taken
// at once, and a claim costs no commit.
import { sql } from "kysely";

import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { Store } from "../store/store.ts";
import type { OutboxRow } from "../store/tables.ts";
import type { ClaimDeps, ClaimedMessage, OutboxClaims } from "./claim-outbox.ts";
import { TenantTurns, byUrgency, inTurns, removeRows } from "./outbox-order.ts";
import { isOneTenant, tenantRing } from "./waiting-tenants.ts";

const everyMessage = sql<boolean>`true`;

/** The next messages as if there were no tenants, and whether there is but one. */
const selectNext = statement((db, { pool, limit }: Slots<{ pool: string; limit: number }>) =>
  db
    .selectFrom("outbox")
    .select(["id", "tenant_id", "envelope_json", isOneTenant({ pool, isFree: everyMessage }).as("is_alone")])
    .where("pool", "=", pool)
    .orderBy("priority", "desc")
    .orderBy("available_at")
    .orderBy("id")
    .limit(limit),
);

type Candidate = Pick<OutboxRow, "id" | "tenant_id" | "priority" | "available_at" | "envelope_json">;

/** The next messages of each of the next tenants. */
const selectOfEach = statement((db, { pool, from, count }: Slots<{ pool: string; from: string; count: number }>) => ({
  compile: () =>
    sql<Candidate>`
        with recursive ${tenantRing({ pool, from, tenants: count, isFree: everyMessage })}
        select message.id, message.tenant_id, message.priority, message.available_at, message.envelope_json
        from ring join outbox as message on message.id in (
          select id from outbox where pool = ${pool} and tenant_id = ring.tenant_id
          order by priority desc, available_at, id limit ${count}
        )
      `.compile(db),
}));

/** Until when, by the clock that never jumps, each message is claimed. */
type Held = Map<string, number>;

const heldOf = new WeakMap<Store, Held>();

class MemoryClaims {
  readonly #store: Store;
  readonly #turns: TenantTurns;
  readonly #held: Held;

  constructor({ store, weights }: ClaimDeps, held: Held) {
    this.#store = store;
    this.#turns = new TenantTurns(weights);
    this.#held = held;
  }

  /** @param until end of the claims, by the clock that never jumps */
  async take({ pool, limit, until }: { pool: string; limit: number; until: number }): Promise<ClaimedMessage[]> {
    const rows = await selectNext(this.#store.read, { pool, limit: limit + this.#held.size });
    if (rows.some(({ is_alone: isAlone }) => !isAlone)) return this.#takeInTurns({ pool, limit, until });
    const [first] = rows;
    if (first !== undefined) this.#turns.moveOn(pool, { tenantId: first.tenant_id, left: 0 });
    return this.#hold(this.#free(rows).slice(0, limit), until);
  }

  async #takeInTurns({ pool, limit, until }: { pool: string; limit: number; until: number }) {
    // One more than is needed tells whether a tenant has any left for the rest of its turn.
    const count = limit + this.#held.size + 1;
    const rows = await selectOfEach(this.#store.read, { pool, from: this.#turns.from(pool), count });
    const free = this.#free(rows).sort(byUrgency);
    const tenants = Map.groupBy(free, (row) => row.tenant_id);
    const waiting = [...tenants].map(([tenantId, { length: messages }]) => ({ tenantId, messages }));
    const { turns, next } = this.#turns.share(pool, { waiting, limit });
    this.#turns.moveOn(pool, next);
    return this.#hold(inTurns(turns, free), until);
  }

  /** NOTE: asked after the rows were read, because another may have been quicker meanwhile. */
  #free<T extends { id: string }>(rows: readonly T[]): T[] {
    return rows.filter(({ id }) => !this.#held.has(id));
  }

  #hold(rows: readonly Pick<OutboxRow, "id" | "envelope_json">[], until: number): ClaimedMessage[] {
    for (const { id } of rows) this.#held.set(id, until);
    return rows.map(({ id, envelope_json }) => ({ id, envelope_json, claimed_until: until }));
  }
}

export function memoryClaims(deps: ClaimDeps): OutboxClaims {
  const { store, clock } = deps;
  const held = heldOf.get(store) ?? new Map<string, number>();
  heldOf.set(store, held);
  const claims = new MemoryClaims(deps, held);
  return {
    take({ pool, limit, forMs }) {
      const now = clock.monotonic();
      for (const [id, until] of held) if (until <= now) held.delete(id);
      return claims.take({ pool, limit, until: now + forMs });
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
