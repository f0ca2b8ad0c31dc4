// Which tenants wait in a pool: one step along an index for each, however many messages they have.
import { sql } from "kysely";
import type { Expression, RawBuilder, SqlBool } from "kysely";

type Alone = {
  pool: string | Expression<string>;
  /** Which messages count: a condition on the alias `other`. */
  isFree: RawBuilder<SqlBool>;
};

/** Whether all messages of a pool are of one tenant; null when there are none. */
export function isOneTenant({ pool, isFree }: Alone): RawBuilder<SqlBool | null> {
  const end = (direction: RawBuilder<unknown>) => sql`(
    select other.tenant_id from outbox as other
    where other.pool = ${pool} and ${isFree} order by other.tenant_id ${direction} limit 1
  )`;
  return sql<SqlBool | null>`${end(sql`asc`)} = ${end(sql`desc`)}`;
}

export type Ring = {
  pool: string | Expression<string>;
  /** The tenant that is looked for first. */
  from: string | Expression<string>;
  /** Tenants that are named at most on each side of it. */
  tenants: number | Expression<number>;
  /** Which messages count: a condition on the alias `other`. */
  isFree: RawBuilder<SqlBool>;
};

/**
 * Tables of a `with recursive` that name the tenants of which messages wait: in `later` those from
 * `from` on, in `earlier` those before it. The last row of each may be null.
 */
export function tenantRing({ pool, from, tenants, isFree }: Ring): RawBuilder<unknown> {
  const next = (condition: RawBuilder<unknown>) => sql`(
    select other.tenant_id from outbox as other
    where other.pool = ${pool} and ${isFree} and ${condition}
    order by other.tenant_id limit 1
  )`;
  return sql`
    later(tenant_id, n) as (
      select ${next(sql`other.tenant_id >= ${from}`)}, 1
      union all
      select ${next(sql`other.tenant_id > later.tenant_id`)}, later.n + 1
      from later where later.tenant_id is not null and later.n < ${tenants}
    ),
    earlier(tenant_id, n) as (
      select ${next(sql`other.tenant_id < ${from}`)}, 1
      union all
      select ${next(sql`other.tenant_id > earlier.tenant_id and other.tenant_id < ${from}`)}, earlier.n + 1
      from earlier where earlier.tenant_id is not null and earlier.n < ${tenants}
    ),
    ring(tenant_id) as (
      select later.tenant_id from later where later.tenant_id is not null
      union all
      select earlier.tenant_id from earlier where earlier.tenant_id is not null
    )
  `;
}
