// The two kinds of users of one database, a server for itself and a deployment, keep each other out.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";
import { Client } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

import { askPostgres, createTestDatabase } from "../../testing/postgres.ts";
import type { TestDatabase } from "../../testing/postgres.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import type { Store } from "../store.ts";
import { openOwnedPostgresStore, openPostgresStore } from "./postgres.ts";

let folder: string;
let database: TestDatabase;
const open: Store[] = [];
const taken: unknown[] = [];
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-owner-"));
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  taken.splice(0);
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

const onTaken = (error: AgentError) => void taken.push(error.details["reason"]);
async function keep(opening: Promise<Store>): Promise<Store> {
  const store = await opening;
  open.push(store);
  return store;
}
const openShared = () => keep(openPostgresStore({ url: database.url, onTaken }));
const openOwned = () =>
  keep(openOwnedPostgresStore({ url: database.url, folderFile: path.join(folder, "state.db"), onTaken }));
const refusalOf = (opening: Promise<Store>) =>
  opening.then(
    () => "opened",
    (error: unknown) => {
      const { code, message, details } = AgentError.from(error);
      return { code, message, reason: details["reason"] };
    },
  );
async function closeAll(): Promise<void> {
  for (const store of open.splice(0)) await store.close();
}

test("a server does not take the database of a deployment, and gets it when every process has ended", async () => {
  await openShared();
  await openShared();
  expect(await refusalOf(openOwned())).toEqual({
    code: "conflict",
    message: "The processes of an ossaat deployment are using this database.",
    reason: "database_shared",
  });
  await closeAll();
  await openOwned();
  expect(taken).toEqual([]);
});

test("a process of a deployment does not start on the database of a server, and does when it has ended", async () => {
  await openOwned();
  expect(await refusalOf(openShared())).toEqual({
    code: "conflict",
    message: "Another ossaat server is using this database.",
    reason: "database_owned",
  });
  await closeAll();
  await openShared();
  expect(taken).toEqual([]);
});

/** The server has other databases, on which other tests lock. */
const ofHere = "database = (select oid from pg_database where datname = current_database())";

/** A server that waits for the lock in the database itself, so that it is the next to have it. */
async function queueForLock(): Promise<{ held: Promise<unknown>; end(): Promise<void> }> {
  const rival = new Client({ connectionString: database.url });
  await rival.connect();
  const held = rival.query("select pg_advisory_lock(7236413002)");
  const look = new Client({ connectionString: database.url });
  await look.connect();
  await waitUntil("it waits", async () => {
    const waiting = await look.query(
      "select 1 from pg_locks where locktype = 'advisory' and not granted and " + ofHere,
    );
    return waiting.rows.length === 1;
  });
  await look.end();
  return { held, end: () => rival.end() };
}

test.each([
  ["a process of a deployment", openShared],
  ["a server", openOwned],
])("%s whose session was cut is told when a server has the database since", async (_name, openOne) => {
  await openOne();
  const rival = await queueForLock();
  await database.cutSessions();
  await rival.held;
  await waitUntil("it is told", () => taken.length === 1);
  expect(taken).toEqual(["database_owned"]);
  await rival.end();
});

test("a process whose session was cut has its part again, and keeps a server out", async () => {
  await openShared();
  const holders = async () => {
    const locks = "select pid from pg_locks where locktype = 'advisory' and mode = 'ShareLock' and " + ofHere;
    return (await askPostgres(database.url, locks)).map(({ pid }) => pid);
  };
  const before = await holders();
  await database.cutSessions();
  await waitUntil("it has its part again", async () => {
    const now = await holders();
    return now.length === 1 && now[0] !== before[0];
  });
  expect(await refusalOf(openOwned())).toMatchObject({ reason: "database_shared" });
  expect(taken).toEqual([]);
});
