// Indexes of later migrations on a database that is in use: who writes goes on meanwhile.
import { Client } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

import { askPostgres, createTestDatabase } from "../testing/postgres.ts";
import type { TestDatabase } from "../testing/postgres.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { connectPostgres, migratePostgres } from "./adapters/postgres.ts";
import { postgresLimits } from "./limits.ts";
import { migrationNames, migrateTo } from "./migrate.ts";

const patienceMs = 30_000;

let database: TestDatabase;
const clients: Client[] = [];
beforeEach(async () => {
  database = await createTestDatabase();
  const db = connectPostgres(database.url, postgresLimits, 1);
  await migrateTo(db, "0008-tenant-dispatch");
  await db.destroy();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end();
  await database.drop();
});

const ask = (text: string) => askPostgres(database.url, text);
const indexes = ["plan_waiting", "plan_open"];

async function connect(): Promise<Client> {
  const client = new Client({ connectionString: database.url });
  clients.push(client);
  await client.connect();
  return client;
}

/** A plan without anything that a test needs not. */
async function putPlan(id: string): Promise<void> {
  const columns = await ask(
    "select column_name as name, data_type as type from information_schema.columns where table_name = 'plan' and is_nullable = 'NO' and column_default is null",
  );
  const valueOf = ({ name, type }: Record<string, unknown>) =>
    name === "id" ? `'${id}'` : type === "text" ? "'local'" : "0";
  await ask(`insert into plan (${columns.map(({ name }) => name).join()}) values (${columns.map(valueOf).join()})`);
}

async function stateOf(name: string) {
  const [row] = await ask(`
    select indisvalid as valid, indisunique as "isUnique", pg_get_indexdef(indexrelid) as text
    from pg_index where indexrelid = to_regclass('${name}')`);
  return row;
}

const applied = async () => (await ask("select name from kysely_migration order by name")).map(({ name }) => name);

test("writers go on while an index is built that waits for one of them", async () => {
  await putPlan("a");
  await putPlan("b");
  const slow = await connect();
  await slow.query("begin");
  await slow.query("update plan set goal = 'slow' where id = 'a'");
  const migrated = migratePostgres(database.url);
  await waitUntil(
    "it waits",
    async () =>
      (await ask("select 1 from pg_stat_activity where query like 'create index%' and wait_event_type = 'Lock'"))
        .length > 0,
    patienceMs,
  );
  const writer = await connect();
  await writer.query("set lock_timeout = '300ms'");
  for (let n = 0; n < 5; n += 1) await writer.query("update plan set goal = $1 where id = 'b'", [`quick ${n}`]);
  expect(await applied()).not.toContain("0009-plan-waiting");
  await slow.query("commit");
  await migrated;
  expect([await applied(), (await Promise.all(indexes.map(stateOf))).map((state) => state?.["valid"])]).toEqual([
    migrationNames,
    [true, true],
  ]);
});

test("an index whose build broke off is thrown away and built again", async () => {
  await putPlan("a");
  await putPlan("b");
  await ask("create unique index concurrently plan_open on plan (tenant_id)").catch(() => undefined);
  expect(await stateOf("plan_open")).toMatchObject({ valid: false, isUnique: true });
  await migratePostgres(database.url);
  expect(await stateOf("plan_open")).toEqual({
    valid: true,
    isUnique: false,
    text: "CREATE INDEX plan_open ON public.plan USING btree (tenant_id) WHERE (finished_at IS NULL)",
  });
});

test("a migration whose indexes were not built ahead changes nothing, and waits until they are", async () => {
  await putPlan("a");
  const db = connectPostgres(database.url, postgresLimits, 1);
  await expect(migrateTo(db, "0009-plan-waiting")).rejects.toMatchObject({ cause: { name: "IndexesFirst" } });
  await db.destroy();
  expect([await applied(), await stateOf("plan_waiting")]).toEqual([migrationNames.slice(0, 8), undefined]);
});

test.each(["0014-sweep", "0008-tenant-dispatch"] as const)(
  "several that come from %s at once get there",
  async (from) => {
    const db = connectPostgres(database.url, postgresLimits, 1);
    await migrateTo(db, from);
    await db.destroy();
    await putPlan("a");
    await ask("insert into timer (id, plan_id, step_id, kind, ref, due_at) values ('t', 'a', 'a', 'retry', '', 0)");
    await Promise.all(Array.from({ length: 4 }, () => migratePostgres(database.url)));
    expect(await applied()).toEqual(migrationNames);
  },
);

test("several that start at once on a database with rows build each index once", async () => {
  await putPlan("a");
  await Promise.all(Array.from({ length: 4 }, () => migratePostgres(database.url)));
  expect([await applied(), (await Promise.all(indexes.map(stateOf))).map((state) => state?.["valid"])]).toEqual([
    migrationNames,
    [true, true],
  ]);
  const kept =
    "select 1 from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())";
  expect(await ask(kept)).toEqual([]);
});
