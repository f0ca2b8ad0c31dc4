// Claims in the rows, for databases on which several processes work.
import { sql } from "kysely";
import type { RawBuilder, SqlBool } from "kysely";

import { statement } from "../store/statement.ts";
import type { Slots } from "../store/statement.ts";
import type { Store, Tx } from "../store/store.ts";
import type { OutboxRow } from "../store/tables.ts";
import type { ClaimDeps, ClaimSource, ClaimedMessage, OutboxClaims } from "./claim-outbox.ts";
import type { Turn, WaitingTenant } from "./dispatch-rounds.ts";
import { TenantTurns, byUrgency, inTurns, removeRows } from "./outbox-order.ts";
import { isOneTenant, tenantRing } from "./waiting-tenants.ts";

type Taken = ClaimedMessage & Pick<OutboxRow, "tenant_id" | "priority" | "available_at">;

const returned = [
  "outbox.id as id",
  "outbox.tenant_id as tenant_id",
  "outbox.envelope_json as envelope_json",
  "outbox.claimed_until as claimed_until",
  "outbox.priority as priority",
  "outbox.available_at as available_at",
] as const;

/**
 * Has the end of the transaction wait for no disk: what the server forgets when it dies is made again by
 * whoever comes next.
 */
const inHaste = sql<string>`set_config('synchronous_commit', 'off', true)`;

/** What a pool came to: its only tenant's messages, or that it has several tenants. */
type Look = { isAlone: SqlBool | null; taken: Taken[] };

/** The next messages of a tenant that is alone. */
const takeOfOne = statement((db, { pool, limit, forMs, time }: Slots<ClaimSource & { time: number }>) => {
  const isAlone = isOneTenant({ pool, isFree: sql<SqlBool>`other.claimed_until <= ${time}` });
  // NOTE: chosen in a part of its own, because a server may run a subquery of an update again for
  // each row, and then takes more than the limit.
  return db
    .with("look", (look) => look.selectNoFrom([isAlone.as("is_alone"), inHaste.as("haste")]))
    .with("chosen", (chosen) =>
      chosen
        .selectFrom("outbox")
        .select("id")
        .where("pool", "=", pool)
        .where("claimed_until", "<=", time)
        .where((eb) => sql<SqlBool>`coalesce(${eb.selectFrom("look").select("is_alone")}, false)`)
        .orderBy("priority", "desc")
        .orderBy("available_at")
        .orderBy("id")
        .limit(limit)
        .forUpdate()
        .skipLocked(),
    )
    .with("taken", (taken) =>
      taken
        .updateTable("outbox")
        .from("chosen")
        .set({ claimed_until: sql<number>`${time} + ${forMs}::bigint` })
        .whereRef("outbox.id", "=", "chosen.id")
        .returning(returned),
    )
    .selectFrom("look")
    .leftJoin("taken", (join) => join.onTrue())
    .selectAll("taken")
    .select(["look.is_alone", "look.haste"]);
});

/** A transaction in haste. */
async function hastily<T>(store: Store, work: (tx: Tx) => Promise<T>): Promise<T> {
  return store.tx(async (tx) => {
    await sql`set local synchronous_commit to off`.execute(tx);
    return work(tx);
  });
}

/** What was taken, and whose turn it is next. */
type TakenNext = { taken: Taken[]; next?: Turn; isShared: boolean };

class RowClaims {
  readonly #deps: ClaimDeps;
  readonly #turns: TenantTurns;
  /** Pools that had several tenants when they were looked at last. */
  readonly #shared = new Set<string>();

  constructor(deps: ClaimDeps) {
    this.#deps = deps;
    this.#turns = new TenantTurns(deps.weights);
  }

  async take(source: ClaimSource): Promise<Taken[]> {
    const { pool } = source;
    const { taken, next, isShared } = await this.#takeNext(source);
    if (isShared) this.#shared.add(pool);
    else this.#shared.delete(pool);
    if (next !== undefined) this.#turns.moveOn(pool, next);
    return taken;
  }

  async #takeNext(source: ClaimSource): Promise<TakenNext> {
    if (!this.#shared.has(source.pool)) {
      // One statement is a transaction of its own, which comes and goes with one packet.
      const { isAlone, taken } = await this.#takeOfOne(source);
      if (isAlone === null) return { taken, isShared: false };
      if (isAlone) {
        const [first] = taken;
        return {
          taken: taken.sort(byUrgency),
          isShared: false,
          ...(first === undefined ? {} : { next: { tenantId: first.tenant_id, left: 0 } }),
        };
      }
    }
    return hastily(this.#deps.store, (tx) => this.#takeInTurns(tx, source));
  }

  async #takeInTurns(tx: Tx, source: ClaimSource): Promise<TakenNext> {
    const { pool, limit } = source;
    const waiting = await this.#waiting(tx, source);
    const { turns, next } = this.#turns.share(pool, { waiting, limit });
    const taken = await this.#takeShares(tx, source, turns);
    return { taken: inTurns(turns, taken.sort(byUrgency)), next, isShared: waiting.length > 1 };
  }

  get #time(): RawBuilder<number> {
    const { store, clock } = this.#deps;
    return sql<number>`${store.leaseTime(clock.now())}`;
  }

  get #isOtherFree(): RawBuilder<SqlBool> {
    return sql<SqlBool>`other.claimed_until <= ${this.#time}`;
  }

  async #takeOfOne({ pool, limit, forMs }: ClaimSource): Promise<Look> {
    const { store, clock } = this.#deps;
    const rows = await takeOfOne(store.read, { pool, limit, forMs, time: store.leaseTime(clock.now()) });
    const taken = rows.filter((row): row is Taken & typeof row => row.id !== null);
    return { isAlone: rows[0]?.is_alone ?? null, taken };
  }

  /** The next tenants, and how many messages each has, counted as far as it may matter. */
  async #waiting(tx: Tx, { pool, limit }: ClaimSource): Promise<WaitingTenant[]> {
    // One tenant more than messages are asked for: the one on turn may have had its turn.
    const ring = { pool, from: this.#turns.from(pool), tenants: limit + 1, isFree: this.#isOtherFree };
    const { rows } = await sql<{ tenant_id: string; messages: number }>`
      with recursive ${tenantRing(ring)}
      select ring.tenant_id, waiting.messages
      from ring cross join lateral (
        select count(*) as messages from (
          select 1 from outbox as other
          where other.pool = ${pool} and other.tenant_id = ring.tenant_id and ${this.#isOtherFree}
          limit ${limit + 1}
        ) as counted
      ) as waiting
    `.execute(tx);
    return rows.map(({ tenant_id: tenantId, messages }) => ({ tenantId, messages }));
  }

  async #takeShares(tx: Tx, { pool, forMs }: ClaimSource, turns: readonly WaitingTenant[]): Promise<Taken[]> {
    if (turns.length === 0) return [];
    const shares = new Map<string, number>();
    for (const { tenantId, messages } of turns) shares.set(tenantId, (shares.get(tenantId) ?? 0) + messages);
    const list = sql.join([...shares].map(([tenantId, messages]) => sql`(${tenantId}, ${messages}::int)`));
    const chosen = sql<{ id: string }>`(
      select message.id from (values ${list}) as share(tenant_id, messages) cross join lateral (
        select id from outbox as other
        where other.pool = ${pool} and other.tenant_id = share.tenant_id and ${this.#isOtherFree}
        order by other.priority desc, other.available_at, other.id limit share.messages
        for update skip locked
      ) as message
    )`;
    return tx
      .with("chosen", (db) => db.selectFrom(chosen.as("picked")).select("picked.id"))
      .updateTable("outbox")
      .from("chosen")
      .set({ claimed_until: sql<number>`${this.#time} + ${sql.lit(forMs)}` })
      .whereRef("outbox.id", "=", "chosen.id")
      .returning(returned)
      .execute();
  }
}

export function rowClaims(deps: ClaimDeps): OutboxClaims {
  const { store, clock } = deps;
  const claims = new RowClaims(deps);
  return {
    remove: (messages) => removeRows(store, messages),
    take: (source) => claims.take(source),
    async giveBack(messages, afterMs = 0) {
      if (messages.length === 0) return;
      const free = sql<number>`${store.leaseTime(clock.now())} + ${sql.lit(afterMs)}`;
      await hastily(store, (tx) =>
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
