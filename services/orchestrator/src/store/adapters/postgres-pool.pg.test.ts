// A pool of one connection, which somebody holds for longer than others care to wait.
import { setTimeout as sleep } from "node:timers/promises";

import { AgentError } from "@ossaat/contracts";
import type { PostgresPool } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";

import { createTestDatabase } from "../../testing/postgres.ts";
import type { TestDatabase } from "../../testing/postgres.ts";
import { postgresLimits } from "../limits.ts";
import { isStoreOutage } from "../store-outage.ts";
import { connectionConfig, createPostgresPool, poolSizeFor } from "./postgres-pool.ts";

/** Longest wait for a connection in this test, ms. */
const waitMs = 200;

let database: TestDatabase;
let pool: PostgresPool;
beforeEach(async () => {
  database = await createTestDatabase();
  const config = connectionConfig(database.url, postgresLimits);
  pool = createPostgresPool({ ...config, max: 1, connectionTimeoutMillis: waitMs });
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

test("who waits for longer than one time gets the connection all the same", async () => {
  const holder = await pool.connect();
  const waiting = pool.connect();
  await sleep(waitMs * 1.5);
  holder.release();
  const client = await waiting;
  expect(await client.query("select 1 as one", [])).toMatchObject({ rows: [{ one: 1 }] });
  client.release();
});

test("a pool that stays full is said to be full, and is no outage of the database", async () => {
  const holder = await pool.connect();
  const thrown: unknown = await pool.connect().catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(AgentError);
  const { code, message, details, isRetryable } = AgentError.from(thrown);
  expect({ code, message, reason: details["reason"], isRetryable, isOutage: isStoreOutage(thrown) }).toEqual({
    code: "unavailable",
    message: "All connections of this process to the database are in use.",
    reason: "pool_exhausted",
    isRetryable: true,
    isOutage: false,
  });
  holder.release();
  const client = await pool.connect();
  client.release();
});

test("a process has connections for the steps it runs, within a limit", () => {
  expect([0, 4, 5, 20, 28, 29, 256].map(poolSizeFor)).toEqual([8, 8, 9, 24, 32, 32, 32]);
});
