// Statements that a connection keeps prepared while messages are shared out between tenants.
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";

import { systemClock } from "../clock.ts";
import { openPostgresStore } from "../store/adapters/postgres.ts";
import type { Store } from "../store/store.ts";
import type { OutboxRow } from "../store/tables.ts";
import { createTestDatabase } from "../testing/postgres.ts";
import type { TestDatabase } from "../testing/postgres.ts";
import { createOutboxClaims } from "./claim-outbox.ts";

let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await createTestDatabase();
  store = await openPostgresStore({ url: database.url, poolSize: 1 });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});

function row(id: string, tenantId: string): OutboxRow {
  const names = { dedupe_id: id, plan_id: "plan-00000001", step_id: id, tenant_id: tenantId };
  return {
    id,
    pool: "default",
    ...names,
    priority: 0,
    envelope_json: `"${id}"`,
    available_at: 0,
    claimed_until: 0,
    written_at: null,
  };
}

test("sharing out needs one statement, however the messages are divided", async () => {
  const claims = createOutboxClaims({ store, clock: systemClock });
  let taken = 0;
  for (let n = 1; n <= 6; n += 1) {
    const many = Array.from({ length: n }, (_, index) => row(`many-${n}-${index}`, "many"));
    await store.tx((tx) =>
      tx
        .insertInto("outbox")
        .values([...many, row(`few-${n}`, "few")])
        .execute(),
    );
    taken += (await claims.take({ pool: "default", limit: 100, forMs: 60_000 })).length;
  }
  expect(taken).toBe(1 + 2 + 3 + 4 + 5 + 6 + 6);
  const { rows } = await sql<{ text: string }>`select statement as text from pg_prepared_statements`.execute(
    store.read,
  );
  expect(rows.filter(({ text }) => text.includes("as share("))).toHaveLength(1);
});
