// Two processes that were given one worker's name, on a database they share.
import { Client } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

import { openPostgresStore } from "../store/adapters/postgres.ts";
import { workerNameLock } from "../store/adapters/worker-name-lock.ts";
import type { Store } from "../store/store.ts";
import { createTestDatabase } from "../testing/postgres.ts";
import type { TestDatabase } from "../testing/postgres.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { takeWorkerName } from "./worker-name.ts";

/** The server has other databases, on which other tests lock. */
const ofHere = "locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())";

let database: TestDatabase;
let told: string[];
const open: Store[] = [];
beforeEach(async () => {
  database = await createTestDatabase();
  told = [];
});
afterEach(async () => {
  for (const store of open.splice(0)) await store.close();
  await database.drop();
});

async function openOne(): Promise<Store> {
  const store = await openPostgresStore({ url: database.url });
  open.push(store);
  return store;
}

const log = {
  warn: (_fields: object, message: string) => void told.push(message),
};
const take = (store: Store, waitMs = 0, name = "w1") =>
  takeWorkerName({ store, log, ids: { short: () => "7c1e" } }, name, waitMs);

test("the second living process of a name goes under one of its own, and takes nothing back", async () => {
  const [first, second] = [await openOne(), await openOne()];
  expect([await take(first), await take(second), await take(second, 0, "w2")]).toEqual(["w1", "w1-7c1e", "w2"]);
  expect(told).toEqual(["another process runs under this worker's name; set OSSAAT_WORKER_NAME to one of its own"]);
});

test("a name is free as soon as its process has ended, and is waited for", async () => {
  const [first, second] = [await openOne(), await openOne()];
  expect(await take(first)).toBe("w1");
  const waiting = take(second, 60_000);
  await first.close();
  expect([await waiting, told]).toEqual(["w1", []]);
});

test("a name is taken again when its session was lost", async () => {
  const first = await openOne();
  expect(await take(first)).toBe("w1");
  const holders = async (client: Client) => {
    const text = `select pid from pg_locks where ${ofHere} and mode = 'ExclusiveLock' and granted`;
    return (await client.query<{ pid: number }>(text)).rows.map(({ pid }) => pid);
  };
  const look = () => withClient(holders);
  const before = await look();
  await database.cutSessions();
  await waitUntil("it is held again", async () => {
    const now = await look().catch(() => []);
    return now.length === 1 && now[0] !== before[0];
  });
  expect([await take(await openOne()), told.length]).toEqual(["w1-7c1e", 1]);
});

async function withClient<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: database.url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

test("one that lost its name to another is told, and has it again when the other has ended", async () => {
  const first = await openOne();
  expect(await take(first)).toBe("w1");
  const rival = new Client({ connectionString: database.url });
  rival.on("error", () => undefined);
  await rival.connect();
  const key = workerNameLock("w1");
  const pid = await withClient(
    async (client) =>
      (
        await client.query<{ pid: number }>(
          `select pid from pg_locks where ${ofHere} and mode = 'ExclusiveLock' and granted`,
        )
      ).rows[0]?.pid,
  );
  const held = rival.query("select pg_advisory_lock($1::bigint)", [key]);
  await waitUntil("it waits for the name", () =>
    withClient(
      async (client) =>
        (await client.query(`select 1 from pg_locks where ${ofHere} and not granted`)).rows.length === 1,
    ),
  );
  await withClient((client) => client.query("select pg_terminate_backend($1)", [pid]));
  await held;
  await waitUntil("it is told", () => told.length === 1);
  expect(told).toEqual(["another process took this worker's name while the database was out of reach"]);
  await rival.end();
  const isHeld = `select 1 from pg_locks where ${ofHere} and mode = 'ExclusiveLock' and granted`;
  await waitUntil("it has it again", () =>
    withClient(async (client) => (await client.query(isHeld)).rows.length === 1),
  );
  expect(await take(await openOne())).toBe("w1-7c1e");
});
