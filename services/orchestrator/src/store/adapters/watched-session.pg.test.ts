// Sessions whose network swallows everything without a word: what they carry is taken up anew.
import { startProxy } from "@ossaat/testkit";
import type { TcpProxy } from "@ossaat/testkit";
import { Client } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createTestDatabase } from "../../testing/postgres.ts";
import type { TestDatabase } from "../../testing/postgres.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { ownDatabase, shareDatabase } from "./database-owner.ts";
import { openPostgresWakes } from "./postgres-wakes.ts";
import { openWatchedSession } from "./watched-session.ts";

/** Longer than a question, its answer and a new connection take. */
const noticeMs = 40_000;

let database: TestDatabase;
let proxy: TcpProxy;
/** The database behind the proxy. */
let url: string;
let look: Client;
beforeEach(async () => {
  database = await createTestDatabase();
  const address = new URL(database.url);
  proxy = await startProxy(Number(address.port));
  address.host = `127.0.0.1:${proxy.port}`;
  url = address.href;
  look = new Client({ connectionString: database.url });
  await look.connect();
});
afterEach(async () => {
  await look.end();
  await proxy.remove();
  await database.drop();
});

const ofHere = "database = (select oid from pg_database where datname = current_database())";
async function holders(): Promise<unknown[]> {
  const { rows } = await look.query<{ pid: number }>(
    `select pid from pg_locks where locktype = 'advisory' and granted and ${ofHere}`,
  );
  return rows.map(({ pid }) => pid);
}

test("a session that is asked and does not answer is given up; one that answers is kept", async () => {
  const times = { watchMs: 50, watchAnswerMs: 500 };
  const session = await openWatchedSession(url, times);
  let isLost = false;
  void session.lost.then(() => (isLost = true));
  const [before] = (await session.client.query<{ pid: number }>("select pg_backend_pid() as pid")).rows;
  await waitUntil("it was asked", async () => {
    const asked = await look.query("select 1 from pg_stat_activity where pid = $1 and query = 'select 1'", [
      before?.pid,
    ]);
    return asked.rows.length === 1;
  });
  expect(isLost).toBe(false);
  proxy.hold();
  await session.lost;
  await expect(session.client.query("select 2")).rejects.toThrow(/Connection terminated|not queryable/u);
  // A server out of reach is not waited for.
  await session.end();
});

test.each([
  ["a server", ownDatabase],
  ["a process of a deployment", shareDatabase],
])("%s takes its lock again that its own dead session still has", async (_name, lock) => {
  const taken: unknown[] = [];
  const held = await lock({ url, onTaken: (error) => void taken.push(error) });
  const before = await holders();
  proxy.freezeCurrent();
  await waitUntil(
    "another session has the lock alone",
    async () => {
      const now = await holders();
      return now.length === 1 && now[0] !== before[0];
    },
    noticeMs,
  );
  expect([before.length, taken]).toEqual([1, []]);
  await held.release();
  await waitUntil("nobody has it", async () => (await holders()).length === 0);
});

test("a server that was out of reach is told when another has the database since", async () => {
  const taken: unknown[] = [];
  const held = await ownDatabase({ url, onTaken: (error) => void taken.push(error.details["reason"]) });
  const [before] = await holders();
  proxy.hold();
  // What the server's own keep-alive does to a machine that is gone.
  await look.query("select pg_terminate_backend($1, 5000)", [before]);
  await look.query("select pg_advisory_lock(7236413002)");
  proxy.release();
  await waitUntil("it is told", () => taken.length > 0, noticeMs);
  expect(taken).toEqual(["database_owned"]);
  await held.release();
});

test("listening goes on after the network swallowed its session", async () => {
  const wakes = openPostgresWakes(url);
  const heard: string[] = [];
  wakes.onWake((topic) => heard.push(topic));
  const say = (topic: string) => look.query("select pg_notify('ossaat_wake', $1)", [`other\n${topic}`]);
  await waitUntil("it listens", async () => {
    await say("first");
    return heard.includes("first");
  });
  proxy.freezeCurrent();
  await waitUntil(
    "it listens again",
    async () => {
      await say("second");
      return heard.includes("second");
    },
    noticeMs,
  );
  expect(heard).toContain("second");
  await wakes.close();
});
