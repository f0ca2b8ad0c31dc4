// Row security on a real PostgreSQL: statements of one tenant that forgot to name it.
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { insertStep } from "../../step/step-rows.ts";
import { askPostgres, createTestDatabase } from "../../testing/postgres.ts";
import type { TestDatabase } from "../../testing/postgres.ts";
import { planRow } from "../../testing/rows.ts";
import type { Store, Tx } from "../store.ts";
import type { Tables } from "../tables.ts";
import { tenantRole } from "../tenant-role.ts";
import { migratePostgres, openPostgresStore } from "./postgres.ts";

/** Tables that no tenant may read at all. */
const hidden = [
  "artifact",
  "claim_gate",
  "sweep",
  "turn_plan",
  "turn_record",
  "turn_event",
] as const satisfies readonly (keyof Tables)[];
type TenantTable = Exclude<keyof Tables, (typeof hidden)[number]>;

/** Each writes one row of a plan that is its tenant's; `n` tells rows of one plan apart. */
const writers: { readonly [table in TenantTable]: (tx: Tx, tenant: string, n: string) => Promise<unknown> } = {
  plan: (tx, tenant, n) =>
    tx
      .insertInto("plan")
      .values(planRow(`${tenant}${n}`, { tenant_id: tenant }))
      .execute(),
  event: (tx, plan, n) =>
    tx
      .insertInto("event")
      .values({
        plan_id: plan,
        seq: Number(n),
        at: 1,
        type: "plan.paused",
        step_id: null,
        attempt: null,
        actor_json: "{}",
        data_json: "{}",
        trace_id: null,
      })
      .execute(),
  step: (tx, planId, n) =>
    insertStep(tx, { planId, stepId: `s${n}`, kind: "agent", status: "ready", effectClass: "pure" }),
  step_dep: (tx, plan, n) =>
    tx
      .insertInto("step_dep")
      .values({ plan_id: plan, step_id: `s${n}`, needs_step_id: "s" })
      .execute(),
  attempt: (tx, plan, n) =>
    tx
      .insertInto("attempt")
      .values({
        plan_id: plan,
        step_id: `s${n}`,
        attempt: 1,
        fence: 1,
        worker: "w",
        started_at: 1,
        heartbeat_at: 1,
        ended_at: null,
        outcome: null,
        error_code: null,
      })
      .execute(),
  approval: (tx, tenant, n) =>
    tx
      .insertInto("approval")
      .values({
        id: `${tenant}${n}`,
        tenant_id: tenant,
        plan_id: tenant,
        step_id: `s${n}`,
        kind: "step",
        call_id: null,
        request_hash: "h",
        request_json: "{}",
        status: "pending",
        scope: null,
        feedback: null,
        requested_at: 0,
        expires_at: 0,
        decided_at: null,
        decided_by: null,
      })
      .execute(),
  outbox: (tx, tenant, n) =>
    tx
      .insertInto("outbox")
      .values({
        id: `${tenant}${n}`,
        pool: "default",
        dedupe_id: "d",
        plan_id: tenant,
        step_id: "s",
        tenant_id: tenant,
        priority: 0,
        envelope_json: "{}",
        available_at: 0,
        claimed_until: 0,
      })
      .execute(),
  dead_letter: (tx, tenant, n) =>
    tx
      .insertInto("dead_letter")
      .values({ id: `${tenant}${n}`, tenant_id: tenant, pool: "default", reason: "r", message: "{}", at: 1 })
      .execute(),
  timer: (tx, plan, n) =>
    tx
      .insertInto("timer")
      .values({ id: `${plan}${n}`, plan_id: plan, step_id: "s", kind: "retry", ref: "", due_at: 1 })
      .execute(),
  idem: (tx, tenant, n) =>
    tx
      .insertInto("idem")
      .values({ tenant_id: tenant, key: `k${n}`, request_hash: "h", response_json: "{}", expires_at: 1 })
      .execute(),
};
const tables = Object.keys(writers) as TenantTable[];

/** The column by which the rows of a table show whose they are; a plan's id begins with its tenant's name. */
const ownerOf: { readonly [table in TenantTable]?: string } = { plan: "id", idem: "tenant_id", dead_letter: "id" };

async function ownersIn(db: Tx | Store["read"], table: TenantTable): Promise<string[]> {
  const column = sql.ref<string>(ownerOf[table] ?? "plan_id");
  const { rows } = await sql<{ owner: string }>`select ${column} as owner from ${sql.table(table)} order by 1`.execute(
    db,
  );
  return rows.map(({ owner }) => owner.slice(0, 3));
}

let database: TestDatabase;
let store: Store;
let ann: Store;
beforeAll(async () => {
  database = await createTestDatabase();
  store = await openPostgresStore({ url: database.url });
  ann = store.forTenant("ann");
  for (const tenant of ["ann", "bob"]) {
    await store.tx(async (tx) => {
      await writers.plan(tx, tenant, "");
      for (const table of tables.filter((name) => name !== "plan")) await writers[table](tx, tenant, "1");
    });
  }
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

class Undone extends Error {}

/** Runs statements of a tenant and takes them back. */
async function tried<T>(own: Store, work: (tx: Tx) => Promise<T>): Promise<T> {
  const answers: T[] = [];
  const running = own.tx(async (tx) => {
    const answer = await work(tx);
    // What only writes is sent with the next thing that is asked.
    await sql`select 1`.execute(tx);
    answers.push(answer);
    throw new Undone();
  });
  await running.catch((error: unknown) => {
    if (!(error instanceof Undone)) throw error;
  });
  return answers[0] as T;
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: unknown) => (error as { details?: { reason?: string } }).details?.reason ?? error,
  );

describe("a statement of one tenant that forgot to name it", () => {
  test.each(tables)("reads its own rows of %s alone, in a transaction and outside of one", async (table) => {
    expect(await ownersIn(ann.read, table)).toEqual(["ann"]);
    expect(await ann.tx((tx) => ownersIn(tx, table))).toEqual(["ann"]);
    expect(await ownersIn(store.forTenant("eve").read, table)).toEqual([]);
    expect(await ownersIn(store.read, table)).toEqual(["ann", "bob"]);
  });

  test.each(tables)("changes and deletes no row of %s that is another's", async (table) => {
    const column = sql.ref(ownerOf[table] ?? "plan_id");
    const owner = sql`returning ${column} as owner`;
    const changed = await tried(ann, (tx) =>
      sql`update ${sql.table(table)} set ${column} = ${column} ${owner}`.execute(tx),
    );
    expect(changed.rows).toHaveLength(1);
    if (table === "plan") return;
    const deleted = await tried(ann, (tx) => sql`delete from ${sql.table(table)} ${owner}`.execute(tx));
    expect(deleted.rows).toHaveLength(1);
  });

  test.each(tables)("writes its own rows into %s and none for another", async (table) => {
    expect(await codeOf(tried(ann, (tx) => writers[table](tx, "ann", "2")))).toBe("done");
    expect(await codeOf(tried(ann, (tx) => writers[table](tx, "bob", "2")))).toBe("no_privilege");
  });

  test("cannot give a row away or take one", async () => {
    const give = (own: Store, to: string) =>
      codeOf(tried(own, (tx) => tx.updateTable("plan").set({ tenant_id: to }).execute()));
    expect(await give(ann, "bob")).toBe("no_privilege");
    expect(await ownersIn(store.forTenant("bob").read, "plan")).toEqual(["bob"]);
  });

  test("sees nothing when its transaction names no tenant", async () => {
    const seen = await tried(store, async (tx) => {
      await sql`set local role ${sql.id(tenantRole)}`.execute(tx);
      return Promise.all(tables.map((table) => ownersIn(tx, table)));
    });
    expect(seen.flat()).toEqual([]);
  });

  test("names its tenant whatever the name holds", async () => {
    const odd = String.raw`o'\hara'; drop table timer; --`;
    const own = store.forTenant(odd);
    expect(await ownersIn(own.read, "plan")).toEqual([]);
    const seen = await tried(own, async (tx) => {
      await tx
        .insertInto("plan")
        .values(planRow("odd", { tenant_id: odd }))
        .execute();
      return ownersIn(tx, "plan");
    });
    expect([seen, await ownersIn(store.read, "timer")]).toEqual([["odd"], ["ann", "bob"]]);
  });
});

test("nothing of a tenant stays with a connection: the next one on it sees everything", async () => {
  const one = await openPostgresStore({ url: database.url, poolSize: 1 });
  const own = one.forTenant("ann");
  const failing = own.tx((tx) => sql`select no_such_column`.execute(tx));
  await expect(failing).rejects.toThrow(/no_such_column/u);
  await expect(sql`select no_such_column`.execute(own.read)).rejects.toThrow(/no_such_column/u);
  expect(await ownersIn(own.read, "plan")).toEqual(["ann"]);
  expect(await ownersIn(one.read, "plan")).toEqual(["ann", "bob"]);
  expect(await one.tx((tx) => ownersIn(tx, "plan"))).toEqual(["ann", "bob"]);
  await one.close();
});

test("what processes share besides plans is closed to every tenant, and open to the processes", async () => {
  for (const table of hidden) {
    const select = sql`select count(*) from ${sql.table(table)}`;
    await expect(select.execute(ann.read)).rejects.toThrow("lacks a privilege");
    await expect(select.execute(store.read)).resolves.toMatchObject({ rows: [{ count: expect.anything() }] });
  }
});

/** Tables that do not keep tenants apart. */
const openTables = () =>
  askPostgres(
    database.url,
    `select relname from pg_class
     where relkind = 'r' and relnamespace = 'public'::regnamespace and relname not like 'kysely%' and not (
       relrowsecurity and exists (select from pg_policy where polrelid = pg_class.oid)
     )`,
  );

test("every table keeps tenants apart, and one that does not is found", async () => {
  expect(await openTables()).toEqual([]);
  await askPostgres(database.url, "create table planted (id text)");
  expect(await openTables()).toEqual([{ relname: "planted" }]);
  await askPostgres(database.url, "drop table planted");
});

test("a user of the database who may not use the role is told what an administrator has to do", async () => {
  const name = `u${database.url.split("/").at(-1) ?? ""}`;
  const other = await createTestDatabase();
  await askPostgres(
    other.url,
    `create role ${name} login password 'pw'`,
    `alter database ${other.url.split("/").at(-1) ?? ""} owner to ${name}`,
    `alter schema public owner to ${name}`,
  );
  const url = new URL(other.url);
  url.username = name;
  url.password = "pw";
  await expect(migratePostgres(url.href)).rejects.toMatchObject({
    code: "unavailable",
    details: { reason: "no_privilege", next: expect.stringContaining(`grant ${tenantRole} to "${name}"`) },
  });
  await askPostgres(other.url, `grant ${tenantRole} to "${name}"`);
  const plain = await openPostgresStore({ url: url.href });
  await plain.tx((tx) => writers.plan(tx, "ann", ""));
  expect(await ownersIn(plain.forTenant("ann").read, "plan")).toEqual(["ann"]);
  expect(await ownersIn(plain.forTenant("bob").read, "plan")).toEqual([]);
  await plain.close();
  await other.drop();
  await askPostgres(database.url, `drop role ${name}`);
});
