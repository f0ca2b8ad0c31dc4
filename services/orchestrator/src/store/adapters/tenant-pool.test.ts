// How a single statement of a tenant ends on a connection that is lost at its end.
import { CompiledQuery, Kysely, PostgresAdapter } from "kysely";
import type { PostgresPool } from "kysely";
import { expect, test } from "vitest";

import { TenantDialect } from "./tenant-pool.ts";

/** Connections on which every end of a transaction is lost, told apart as {@link createPostgresPool} does. */
function losingPool(): { pool: PostgresPool; asked: string[] } {
  const asked: string[] = [];
  const query = (text: string): Promise<{ command: string; rows: unknown[] }> => {
    asked.push(text.split(";")[0] ?? "");
    if (text === "commit") return Promise.reject(new Error("commit_unknown"));
    if (text === "end") return Promise.reject(new Error("connection_lost"));
    return Promise.resolve({ command: "SELECT", rows: [] });
  };
  const client = { query, release: () => undefined };
  const pool = { options: {}, connect: () => Promise.resolve(client), end: () => Promise.resolve() };
  return { pool: pool as unknown as PostgresPool, asked };
}

const openTenant = (pool: PostgresPool) =>
  new Kysely({ dialect: new TenantDialect({ pool, adapter: new PostgresAdapter(), tenantId: "team" }) });

test.each([
  ["select 1", "end", "connection_lost"],
  ["update plan set goal = 'x'", "commit", "commit_unknown"],
  ["with old as (delete from plan returning id) select id from old", "commit", "commit_unknown"],
])("%s ends by %s, whose loss is %s", async (text, end, loss) => {
  const { pool, asked } = losingPool();
  await expect(openTenant(pool).executeQuery(CompiledQuery.raw(text))).rejects.toThrow(loss);
  expect(asked).toEqual(["start transaction", text, end, "rollback"]);
});
