// The server that the tests of the store rely on: what it says of itself must be so.
import { Client } from "pg";
import { afterEach, expect, inject, test } from "vitest";

import { createDatabase, startPostgres } from "./start-postgres.ts";
import type { PostgresOptions, PostgresServer } from "./start-postgres.ts";

const servers: PostgresServer[] = [];
const start = async (options: PostgresOptions) => {
  const server = await startPostgres(options);
  servers.push(server);
  return server;
};
afterEach(async () => {
  for (const server of servers.splice(0)) await server.remove();
});

async function ask(url: string, ...statements: string[]): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  // What cuts the connection is an event of its own, besides the error of the statement.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const answers: unknown[] = [];
    for (const statement of statements) {
      const { rows } = await client.query<Record<string, unknown>>(statement);
      answers.push(Object.values(rows[0] ?? {})[0]);
    }
    return answers;
  } finally {
    await client.end();
  }
}

test("the server of the suite is 15 or newer and waits for no disk", async () => {
  const [version, ...settings] = await ask(
    inject("postgresUrl"),
    "show server_version_num",
    "show fsync",
    "show listen_addresses",
  );
  expect(Number(version)).toBeGreaterThanOrEqual(150_000);
  expect(settings).toEqual(["off", "127.0.0.1"]);
});

test("a server may wait for the disk, and takes settings", async () => {
  const server = await start({ commits: "disk", settings: { max_connections: "11" } });
  expect(await ask(server.url("postgres"), "show fsync", "show max_connections")).toEqual(["on", "11"]);
});

test("databases are apart from each other", async () => {
  const first = await createDatabase(inject("postgresUrl"), `apart_a${process.pid}`);
  const second = await createDatabase(inject("postgresUrl"), `apart_b${process.pid}`);
  await ask(first, "create table x (n int)");
  await expect(ask(second, "select * from x")).rejects.toThrow('relation "x" does not exist');
});

test("a killed server has what it committed when it starts again, and a removed one is gone", async () => {
  const server = await start({ commits: "memory" });
  const url = await server.createDatabase();
  await ask(url, "create table x (n int)", "insert into x values (7)");
  const busy = ask(url, "select pg_sleep(60)");
  const cut = busy.catch((error: unknown) => String(error));
  await ask(url, "select 1");
  await server.kill();
  expect(await cut).toMatch(/terminated|ECONNRESET|shut/iu);
  await expect(ask(url, "select 1")).rejects.toThrow("ECONNREFUSED");
  await server.start();
  expect(await ask(url, "select n from x")).toEqual([7]);
  await server.remove();
  await expect(ask(url, "select 1")).rejects.toThrow("ECONNREFUSED");
});
