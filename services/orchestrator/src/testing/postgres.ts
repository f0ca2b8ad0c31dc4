// Databases of a test on the PostgreSQL of its project, and what a test does to the sessions on them.
import { randomBytes } from "node:crypto";

import { Client } from "pg";
import { inject } from "vitest";

import type { Clock } from "../clock.ts";
import { openPostgresStore } from "../store/adapters/postgres.ts";
import { reopenable } from "./test-store.ts";
import type { TestStore, TestStoreKind } from "./test-store.ts";

/** Runs statements on a connection of its own; the rows of the last one. */
export async function askPostgres(url: string, ...statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) ({ rows } = await client.query<Record<string, unknown>>(statement));
    return rows;
  } finally {
    await client.end();
  }
}

export type TestDatabase = {
  url: string;
  /** Ends every session of the product on it, as a restart of the server would, and waits until they are gone. */
  cutSessions(): Promise<void>;
  drop(): Promise<void>;
};

/** An empty database that sorts by the rules of a language, as many do. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const server = inject("postgresUrl");
  const name = `t${process.pid}_${randomBytes(5).toString("hex")}`;
  const locale = "template template0 locale_provider icu icu_locale 'en'";
  await askPostgres(server, `create database ${name} ${locale}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    cutSessions: async () => {
      const own = `datname = '${name}' and application_name = 'ossaat'`;
      await askPostgres(server, `select pg_terminate_backend(pid, 10000) from pg_stat_activity where ${own}`);
    },
    drop: async () => {
      await askPostgres(server, `drop database ${name} with (force)`);
    },
  };
}

/** Databases of this file that no engine uses now: to empty one is quicker than to make one. */
const unused: TestDatabase[] = [];

async function empty({ url }: TestDatabase): Promise<void> {
  const tables = await askPostgres(
    url,
    "select table_name from information_schema.tables where table_schema = 'public' and table_name not like 'kysely%'",
  );
  const names = tables.map(({ table_name: name }) => String(name));
  if (names.length > 0) await askPostgres(url, `truncate ${names.join(", ")} cascade`);
}

/** An empty store on a database of its own. */
async function openDatabase({ clock }: { clock: Clock }): Promise<TestStore> {
  const database = unused.pop() ?? (await createTestDatabase());
  const { url } = database;
  const opened = await reopenable(() => openPostgresStore({ url, leaseClock: clock }), { url });
  return {
    ...opened,
    remove: async () => {
      await opened.remove();
      await empty(database);
      unused.push(database);
    },
  };
}

export const postgresTestStore: TestStoreKind = { name: "PostgreSQL", open: openDatabase };
