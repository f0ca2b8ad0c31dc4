// What a connection does with statements that nobody waits for, on a real server.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import type { PostgresPool, PostgresPoolClient } from "kysely";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { askPostgres, createTestDatabase } from "../../testing/postgres.ts";
import type { TestDatabase } from "../../testing/postgres.ts";
import { postgresLimits } from "../limits.ts";
import { aheadMark } from "../statement.ts";
import { connectionConfig, createPostgresPool } from "./postgres-pool.ts";

let database: TestDatabase;
let pool: PostgresPool;
let client: PostgresPoolClient;
beforeEach(async () => {
  database = await createTestDatabase();
  await askPostgres(database.url, "create table thing (id int primary key, name text not null)");
  pool = createPostgresPool({ ...connectionConfig(database.url, postgresLimits), max: 1 });
  client = await pool.connect();
});
afterEach(async () => {
  client.release();
  await pool.end();
  await database.drop();
});

const insert = (id: number, name: string | null = "a") =>
  client.query("insert into thing (id, name) values ($1, $2)", [id, name]);
const count = async () => (await askPostgres(database.url, "select count(*)::int as n from thing"))[0]?.["n"];
const reasonOf = (error: unknown) => AgentError.from(error).details["reason"];
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: unknown) => (error as { code?: string }).code,
  );

test("what a transaction writes is there for what it reads next, and for all after its commit", async () => {
  await client.query("begin", []);
  await insert(1);
  await insert(2);
  const { rows } = await client.query("select id from thing order by id", []);
  await client.query("delete from thing where id = $1", [1]);
  const before = await count();
  await client.query("commit", []);
  expect([rows, before, await count()]).toEqual([[{ id: 1 }, { id: 2 }], 0, 1]);
});

test("a write that fails is the error of the next answer, by its own code, and undoes the transaction", async () => {
  for (const next of ["select 1", "commit", "update thing set name = 'b' returning id"]) {
    await client.query("begin", []);
    await insert(1);
    await insert(2, null);
    await insert(3);
    // 23502: a value is missing. What came after it failed for that reason alone.
    expect(await codeOf(client.query(next, []))).toBe("23502");
    await client.query("rollback", []);
    expect(await count()).toBe(0);
  }
});

test("a transaction that is rolled back leaves neither rows nor errors behind", async () => {
  await client.query("begin", []);
  await insert(1, null);
  await client.query("rollback", []);
  await client.query("begin", []);
  await insert(1);
  await client.query("commit", []);
  expect(await count()).toBe(1);
});

test("outside of a transaction every statement is waited for", async () => {
  expect(await codeOf(insert(1, null))).toBe("23502");
  expect(await insert(1)).toMatchObject({ command: "INSERT", rowCount: 1 });
});

test("a connection that breaks before the commit is sent saved nothing", async () => {
  await client.query("begin", []);
  await insert(1);
  await client.query("select 1", []);
  await database.cutSessions();
  const atRead = await client.query("select 1", []).catch(reasonOf);
  const atCommit = await client.query("commit", []).catch(reasonOf);
  expect([atRead, atCommit, await count()]).toEqual(["connection_lost", "connection_lost", 0]);
});

test("a commit on a connection that is known to be broken was never sent; before it is known, nobody can tell", async () => {
  const toldAtCommit = async (heardMs: number) => {
    client.release();
    client = await pool.connect();
    await client.query("begin", []);
    await insert(2);
    await client.query("select 1", []);
    await database.cutSessions();
    await sleep(heardMs);
    const told = await client.query("commit", []).catch(reasonOf);
    return [told, await count()];
  };
  expect([
    ["connection_lost", 0],
    ["commit_unknown", 0],
  ]).toContainEqual(await toldAtCommit(0));
  await vi.waitFor(async () => expect(await toldAtCommit(200)).toEqual(["connection_lost", 0]), { timeout: 20_000 });
});

/** What the connection keeps prepared. */
const prepared = async () => {
  const { rows } = await client.query("select statement from pg_prepared_statements", []);
  return (rows as { statement: string }[]).map(({ statement }) => statement);
};
const run = (text: string) => client.query(text, [1]);

test("texts that come once leave the room to those that come again", async () => {
  const hot = "select $1::int as hot";
  for (let n = 0; n < 2 * postgresLimits.preparedStatements; n += 1) await run(`select $1::int as once_${n}`);
  for (let n = 0; n < 3; n += 1) await run(hot);
  expect(await prepared()).toEqual([hot]);
});

test("of more texts than a connection keeps, those that were used last stay, and what is used goes on", async () => {
  const { preparedStatements: limit } = postgresLimits;
  const text = (n: number) => `select $1::int + ${n} as often`;
  for (let n = 0; n < 2 * (limit + 20); n += 1) await run(text(n % (limit + 20)));
  await client.query("begin", []);
  for (let n = 0; n < 10; n += 1) await run(text(n));
  await client.query("commit", []);
  const kept = new Set(await prepared());
  expect(kept.size).toBeLessThanOrEqual(limit);
  const places = [0, 9, 30, limit + 19, 10, 25].map((n) => kept.has(text(n)));
  expect(places).toEqual([true, true, true, true, false, false]);
  expect(await run(text(25))).toMatchObject({ rows: [{ often: 26 }] });
});

test("a statement that was prepared before the schema changed is read again", async () => {
  const look = () => client.query("select * from thing where id >= $1", [0]);
  await insert(1);
  await look();
  await askPostgres(database.url, "alter table thing add column more text default 'm'");
  expect(await look()).toMatchObject({ rows: [{ id: 1, name: "a", more: "m" }] });
  client.release();
  client = await pool.connect();
  await look();
  await askPostgres(database.url, "alter table thing add column most text");
  await client.query("begin", []);
  // In a transaction it cannot be: the store tries the whole again, on a new connection.
  expect(await codeOf(look())).toBe("0A000");
  await client.query("rollback", []);
  client.release();
  client = await pool.connect();
  expect(await look()).toMatchObject({ rows: [{ id: 1, more: "m", most: null }] });
});

const rename = "update thing set name = $1 where id = $2 returning name";
const renameAhead = (values: unknown[]) => client.query(`${aheadMark}${rename}`, values);

test("a statement sent ahead runs behind the next one, and once, when it is asked for or not yet", async () => {
  await client.query("begin", []);
  await insert(1);
  await renameAhead(["b", 1]);
  const { rows: first } = await client.query("select name from thing where id = $1", [1]);
  const { rows: seen } = await client.query("select name from thing where id = $1", [1]);
  const { rows: told } = await client.query(rename, ["b", 1]);
  const { rows: again } = await client.query(rename, ["b", 2]);
  await client.query("commit", []);
  expect([first, seen, told, again]).toEqual([[{ name: "a" }], [{ name: "b" }], [{ name: "b" }], []]);
});

test("a statement that did not leave before it is asked for runs once, and one that never leaves does not run", async () => {
  const raise = "update thing set id = id + 1 where name = $1 returning id";
  const raiseAhead = () => client.query(`${aheadMark}${raise}`, ["a"]);
  await insert(1);
  await client.query("begin", []);
  await raiseAhead();
  const { rows } = await client.query(raise, ["a"]);
  await raiseAhead();
  await client.query("commit", []);
  await client.query("begin", []);
  await raiseAhead();
  await client.query("rollback", []);
  expect([rows, await askPostgres(database.url, "select id from thing")]).toEqual([[{ id: 2 }], [{ id: 2 }]]);
});

test.each([
  ["not asked for", async () => undefined],
  ["asked for with another value", () => client.query(rename, ["b", 3])],
])("what a statement sent ahead did is not saved when it is %s", async (_name, ask) => {
  await insert(1);
  await client.query("begin", []);
  await renameAhead(["b", 1]);
  await client.query("select 1", []);
  await ask();
  await expect(client.query("commit", [])).rejects.toThrow("a statement sent ahead was not run");
  await client.query("rollback", []);
  await client.query("begin", []);
  const { rows } = await client.query("select name from thing", []);
  await client.query("commit", []);
  expect(rows).toEqual([{ name: "a" }]);
});

test("a statement sent ahead that fails tells so where it is asked for, by its own code", async () => {
  await insert(1);
  await client.query("begin", []);
  await renameAhead([null, 1]);
  await client.query("select 1", []);
  expect(await codeOf(client.query(rename, [null, 1]))).toBe("23502");
  expect(await codeOf(client.query("commit", []))).toBe("23502");
  await client.query("rollback", []);
});

test("one behind a statement that fails tells why that one did", async () => {
  await insert(1);
  await client.query("begin", []);
  await renameAhead(["b", 1]);
  expect(await codeOf(client.query("select 1 / 0", []))).toBe("22012");
  expect(await codeOf(client.query(rename, ["b", 1]))).toBe("22012");
  await client.query("rollback", []);
});
