// The store on a real PostgreSQL: the contract, and what only a server can do to it.
import { AgentError } from "@ossaat/contracts";
import { startPostgres } from "@ossaat/testkit";
import { sql } from "kysely";
import { Migrator } from "kysely/migration";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { askPostgres, createTestDatabase } from "../../testing/postgres.ts";
import type { TestDatabase } from "../../testing/postgres.ts";
import { planRow } from "../../testing/rows.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { postgresLimits } from "../limits.ts";
import { migrationNames, migrations } from "../migrate.ts";
import type { Reader, Store, Tx } from "../store.ts";
import { describeStore } from "../store.contract.ts";
import { inspectPostgresStore } from "./inspect-postgres.ts";
import { connectPostgres, migratePostgres, openPostgresStore } from "./postgres.ts";

describeStore("PostgreSQL", async () => {
  const database = await createTestDatabase();
  let store = await openPostgresStore({ url: database.url });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openPostgresStore({ url: database.url });
      return store;
    },
    async remove() {
      await store.close();
      await database.drop();
    },
  };
});

const put = (tx: Tx, id: string) => tx.insertInto("plan").values(planRow(id)).execute();
const idsOf = async (store: Store) =>
  (await store.read.selectFrom("plan").select("id").orderBy("id").execute()).map(({ id }) => id);

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  const thrown: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(thrown instanceof AgentError)) return thrown;
  return { code: thrown.code, reason: thrown.details?.["reason"], message: thrown.message };
}

/** Waits until the server has what was written: it is sent with what is asked next. */
const arrived = (tx: Tx) => sql`select 1`.execute(tx);

/** A promise that is settled from outside. */
function gate(): { opened: Promise<void>; open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: () => resolve() };
}

describe("the store on a server", () => {
  let database: TestDatabase;
  let store: Store;
  beforeEach(async () => {
    database = await createTestDatabase();
    store = await openPostgresStore({ url: database.url });
  });
  afterEach(async () => {
    await store.close();
    await database.drop();
  });

  const lost = { code: "unavailable", reason: "connection_lost", message: "The database cannot be reached." };
  const setTokens = (tx: Tx, id: string, tokens: number) =>
    tx.updateTable("plan").set({ spent_tokens: tokens }).where("id", "=", id).execute();

  test("transactions are READ COMMITTED whatever the server's default, and every wait has its limit", async () => {
    await store.close();
    await askPostgres(
      database.url,
      "alter database " +
        new URL(database.url).pathname.slice(1) +
        " set default_transaction_isolation = 'serializable'",
    );
    store = await openPostgresStore({ url: database.url });
    const show = (tx: Tx, name: string) => sql<{ value: string }>`select current_setting(${name}) as value`.execute(tx);
    const names = [
      "transaction_isolation",
      "statement_timeout",
      "lock_timeout",
      "idle_in_transaction_session_timeout",
      "application_name",
    ];
    const values = await store.tx(async (tx) => {
      const found: string[] = [];
      for (const name of names) found.push((await show(tx, name)).rows[0]?.value ?? "");
      return found;
    });
    expect(values).toEqual(["read committed", "15s", "10s", "8s", "ossaat"]);
  });

  test("two that lock the same rows in opposite order both get through", async () => {
    await store.tx(async (tx) => {
      await put(tx, "a");
      await put(tx, "b");
    });
    const [hasA, hasB] = [gate(), gate()];
    let tries = 0;
    const cross = (own: string, other: string, mine: typeof hasA, theirs: typeof hasA) =>
      store.tx(async (tx) => {
        tries += 1;
        await setTokens(tx, own, 1);
        await arrived(tx);
        mine.open();
        await theirs.opened;
        await tx
          .updateTable("plan")
          .set((eb) => ({ spent_tokens: eb("spent_tokens", "+", 10) }))
          .where("id", "=", other)
          .execute();
      });
    await Promise.all([cross("a", "b", hasA, hasB), cross("b", "a", hasB, hasA)]);
    // The server ended one of them, which ran again from its start.
    expect(tries).toBe(3);
    const tokens = (await store.read.selectFrom("plan").select("spent_tokens").orderBy("id").execute()).map(
      ({ spent_tokens: spent }) => spent,
    );
    expect(tokens.sort((a, b) => a - b)).toEqual([1, 11]);
  });

  test("one that is refused each time gives up after five tries and says so", async () => {
    let tries = 0;
    const refused = store.tx(async (tx) => {
      tries += 1;
      await sql.raw("do $$ begin raise exception 'no' using errcode = '40001'; end $$").execute(tx);
    });
    const contention = { code: "unavailable", reason: "contention" };
    expect(await errorOf(refused)).toMatchObject(contention);
    expect(tries).toBe(5);
    expect(await idsOf(store)).toEqual([]);
  });

  test("a session that is cut fails what ran on it, leaves nothing of it, and the next ones work", async () => {
    const cut = store.tx(async (tx) => {
      await put(tx, "a");
      await arrived(tx);
      await database.cutSessions();
      await put(tx, "b");
      // Asked before the commit: one that was under way may have taken place.
      await arrived(tx);
    });
    expect(await errorOf(cut)).toEqual(lost);
    expect(await idsOf(store)).toEqual([]);
    await database.cutSessions();
    await store.tx((tx) => put(tx, "c"));
    expect(await idsOf(store)).toEqual(["c"]);
  });

  test("a commit whose answer is lost is told apart: it may have taken place", async () => {
    // A commit that takes a while.
    await askPostgres(
      database.url,
      "create function doze() returns trigger language plpgsql as 'begin perform pg_sleep(30); return null; end'",
      "create constraint trigger doze after insert on plan initially deferred for each row execute function doze()",
    );
    const cut = errorOf(store.tx((tx) => put(tx, "a")));
    const dozing = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()";
    await waitUntil("it commits", async () => (await askPostgres(database.url, dozing)).length > 0);
    await database.cutSessions();
    expect(await cut).toMatchObject({ code: "unavailable", reason: "commit_unknown" });
    expect(await idsOf(store)).toEqual([]);
  });

  test("a schema that another version changes fails nothing, on however many connections", async () => {
    const many = await openPostgresStore({ url: database.url, poolSize: 8 });
    const own = many.forTenant("local");
    await many.tx((tx) => put(tx, "p"));
    const look = (db: Reader) => db.selectFrom("plan").selectAll().where("id", "=", "p").execute();
    const ways: Record<string, () => Promise<unknown[]>> = {
      read: () => look(many.read),
      tx: () => many.tx(look),
      snapshot: () => many.snapshot(look),
      "a tenant's read": () => look(own.read),
      "a tenant's tx": () => own.tx(look),
      "a tenant's snapshot": () => own.snapshot(look),
    };
    for (const [index, way] of Object.values(ways).entries()) {
      await Promise.all(Array.from({ length: 40 }, () => many.tx(look)));
      await askPostgres(database.url, `alter table plan add column more${index} text default 'm'`);
      expect(await way(), Object.keys(ways)[index]).toMatchObject([{ [`more${index}`]: "m" }]);
    }
    await many.close();
  });

  test("a row that another holds is waited for only so long", async () => {
    await store.tx((tx) => put(tx, "a"));
    const [held, done] = [gate(), gate()];
    const holder = store.tx(async (tx) => {
      await setTokens(tx, "a", 1);
      await arrived(tx);
      held.open();
      await done.opened;
    });
    await held.opened;
    const waiting = store.tx(async (tx) => {
      await sql`set local lock_timeout = 50`.execute(tx);
      await setTokens(tx, "a", 2);
    });
    expect(await errorOf(waiting)).toMatchObject({ code: "unavailable", reason: "lock_timeout" });
    const slow = store.tx(async (tx) => {
      await sql`set local statement_timeout = 50`.execute(tx);
      await sql`select pg_sleep(30)`.execute(tx);
    });
    expect(await errorOf(slow)).toMatchObject({ code: "unavailable", reason: "statement_timeout" });
    done.open();
    await holder;
    const row = await store.read.selectFrom("plan").select("spent_tokens").executeTakeFirstOrThrow();
    expect(row).toEqual({ spent_tokens: 1 });
  });

  test("a counter that no number can hold is an error, not another number", async () => {
    await store.tx((tx) => put(tx, "a"));
    await askPostgres(database.url, "update plan set spent_tokens = 9007199254740993");
    await expect(store.read.selectFrom("plan").selectAll().execute()).rejects.toThrow("too large for a number");
    await askPostgres(database.url, "update plan set spent_tokens = -9007199254740991");
    const row = await store.read.selectFrom("plan").select("spent_tokens").executeTakeFirstOrThrow();
    expect(row).toEqual({ spent_tokens: -9_007_199_254_740_991 });
  });

  test("text that cannot be stored is the sender's mistake", async () => {
    const work = store.tx((tx) =>
      tx
        .insertInto("plan")
        .values(planRow("a", { goal: "a\u0000b" }))
        .execute(),
    );
    expect(await errorOf(work)).toMatchObject({ code: "invalid_input", reason: "bad_text" });
  });

  test("replicas that start at once on an empty database migrate it once", async () => {
    const empty = await createTestDatabase();
    await Promise.all(Array.from({ length: 5 }, () => migratePostgres(empty.url)));
    const rows = await askPostgres(empty.url, "select name from kysely_migration order by name");
    expect(rows.map(({ name }) => name)).toEqual(migrationNames);
    await empty.drop();
  });

  const ofOthers = {
    code: "conflict",
    message: "This database holds tables of another program.",
    details: {
      reason: "other_tables",
      next: "name an empty one in `store`, made by `createdb NAME`; `ossaat config explain store` says who named this one",
    },
  };

  test("a database in which others have a table of one of our names is left as it is", async () => {
    const other = await createTestDatabase();
    await askPostgres(other.url, "create table plan (x int)");
    const relations = "select relname from pg_class where relnamespace = 'public'::regnamespace order by 1";
    for (const work of [migratePostgres, inspectPostgresStore, (url: string) => openPostgresStore({ url })]) {
      await expect(work(other.url)).rejects.toMatchObject(ofOthers);
      expect(await askPostgres(other.url, relations)).toEqual([{ relname: "plan" }]);
    }
    await askPostgres(other.url, "drop table plan", "create table customer (x int)");
    await migratePostgres(other.url);
    await other.drop();
  });

  test("a migration that breaks off leaves nothing behind, and is done whole the next time", async () => {
    const other = await createTestDatabase();
    // In the way of a later table, so that the first ones are made already.
    await askPostgres(other.url, "create table theirs (x int)", "create index approval_one_pending on theirs (x)");
    await expect(migratePostgres(other.url)).rejects.toMatchObject(ofOthers);
    const tables = "select table_name from information_schema.tables where table_schema = 'public' order by 1";
    const left = (await askPostgres(other.url, tables)).map((row) => row["table_name"]);
    expect(left.filter((name) => !String(name).startsWith("kysely_"))).toEqual(["theirs"]);
    await askPostgres(other.url, "drop table theirs");
    await migratePostgres(other.url);
    await other.drop();
  });

  test("a migration keeps nobody from a table that is in use, and those before it are done already", async () => {
    const used = await createTestDatabase();
    const db = connectPostgres(used.url, postgresLimits, 1);
    const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
    await migrator.migrateTo("0009-plan-waiting");
    await db.destroy();
    const reader = new Client({ connectionString: used.url });
    await reader.connect();
    await reader.query("begin");
    await reader.query("select count(*) from step");
    const migrated = migratePostgres(used.url);
    const done = async () => (await askPostgres(used.url, "select name from kysely_migration")).map(({ name }) => name);
    await waitUntil("the one before", async () => (await done()).includes("0010-attempt-trace"), 20_000);
    // More often than a migration that waits could let through by chance.
    for (let n = 0; n < 3; n += 1) await askPostgres(used.url, "update step set attempt = attempt");
    expect(await done()).not.toContain("0011-step-kind-version");
    await reader.query("commit");
    await reader.end();
    await migrated;
    expect(await done()).toContain("0011-step-kind-version");
    await used.drop();
  });

  const addMigration = (name: string) =>
    askPostgres(database.url, `insert into kysely_migration (name, timestamp) values ('${name}', '2030')`);

  test("a database to which a newer version only added something is used", async () => {
    await addMigration("9998-future");
    const older = await openPostgresStore({ url: database.url });
    await older.tx((tx) => put(tx, "plan-of-older"));
    expect(await idsOf(store)).toContain("plan-of-older");
    await older.close();
  });

  test("a database from which a newer version took something away is refused, untouched", async () => {
    await addMigration("9999-contract-future");
    expect(await errorOf(openPostgresStore({ url: database.url }))).toMatchObject({
      code: "conflict",
      message: "The database was written by a newer version of ossaat.",
    });
  });

  test("says what is wrong with an address, and never shows its password", async () => {
    const changed = (change: (url: URL) => void) => {
      const url = new URL(database.url);
      change(url);
      return errorOf(openPostgresStore({ url: url.href }));
    };
    const wrong = { code: "invalid_input", reason: undefined, message: "The address of the database is not valid." };
    for (const url of ["", "postgres", "mysql://a/b", "postgres://host", "postgres://host/"]) {
      expect(await errorOf(openPostgresStore({ url }))).toEqual(wrong);
    }
    const password = await changed((url) => {
      url.password = "secret-word";
    });
    expect(password).toEqual({
      code: "unavailable",
      reason: "password_refused",
      message: "The database refused the user or the password.",
    });
    expect(
      await changed((url) => {
        url.password = "";
      }),
    ).toEqual({
      code: "unavailable",
      reason: "password_missing",
      message: "The database asks for a password, and none is known.",
    });
    expect(
      await changed((url) => {
        url.pathname = "/nowhere";
      }),
    ).toMatchObject({ code: "unavailable", reason: "no_database" });
    expect(
      await changed((url) => {
        url.port = "1";
      }),
    ).toEqual(lost);
    expect(
      await changed((url) => {
        url.hostname = "no-such-host.invalid";
      }),
    ).toEqual(lost);
  });
});

test("a server killed in the middle of a transaction loses nothing that was committed", async () => {
  const server = await startPostgres({ commits: "memory" });
  const store = await openPostgresStore({ url: await server.createDatabase() });
  try {
    await store.tx((tx) => put(tx, "a"));
    const killed = store.tx(async (tx) => {
      await put(tx, "b");
      await arrived(tx);
      await server.kill();
      await put(tx, "c");
      await arrived(tx);
    });
    expect(await errorOf(killed)).toMatchObject({ code: "unavailable", reason: "connection_lost" });
    expect(await errorOf(store.ping())).toMatchObject({ code: "unavailable", reason: "connection_lost" });
    expect(await errorOf(store.tx((tx) => put(tx, "d")))).toMatchObject({ code: "unavailable" });
    await server.start();
    await store.tx((tx) => put(tx, "e"));
    expect(await idsOf(store)).toEqual(["a", "e"]);
  } finally {
    await store.close();
    await server.remove();
  }
});
