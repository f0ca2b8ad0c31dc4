// Claims on outbox rows by two that hand messages out: of two processes where the database is shared,
// of one process where it is not.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { openSqliteStore } from "../store/adapters/sqlite.ts";
import type { Store } from "../store/store.ts";
import type { OutboxRow } from "../store/tables.ts";
import { manualClock } from "../testing/manual-clock.ts";
import type { ManualClock } from "../testing/manual-clock.ts";
import { openTestStore } from "../testing/test-store.ts";
import type { TestStore } from "../testing/test-store.ts";
import { createOutboxClaims } from "./claim-outbox.ts";
import type { OutboxClaims } from "./claim-outbox.ts";

const forMs = 5_000;
const pool = "default";

let folder: string;
let clock: ManualClock;
let opened: TestStore;
let first: OutboxClaims;
let second: OutboxClaims;
beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-claims-"));
  clock = manualClock();
  opened = await openTestStore({ folder, clock });
  first = createOutboxClaims({ store: opened.store, clock });
  second = createOutboxClaims({ store: opened.store, clock });
});
afterEach(async () => {
  await opened.remove();
  rmSync(folder, { recursive: true });
});

function row(id: string, changes: Partial<OutboxRow> = {}): OutboxRow {
  const names = { dedupe_id: id, plan_id: "plan-00000001", step_id: id, tenant_id: "local" };
  return {
    id,
    pool,
    ...names,
    priority: 0,
    envelope_json: `"${id}"`,
    available_at: 0,
    claimed_until: 0,
    written_at: null,
    ...changes,
  };
}

const insert = (store: Store, ...rows: OutboxRow[]) => store.tx((tx) => tx.insertInto("outbox").values(rows).execute());
const numbered = (count: number) => Array.from({ length: count }, (_, n) => row(String(n).padStart(3, "0")));
const take = async (claims: OutboxClaims, limit = 100) => claims.take({ pool, limit, forMs });
const idsOf = (rows: readonly { id: string }[]) => rows.map(({ id }) => id);

test("takes the most urgent of a pool, then the oldest, and no more than asked for", async () => {
  await insert(
    opened.store,
    row("young", { available_at: 3 }),
    row("urgent", { priority: 1, available_at: 9 }),
    row("old", { available_at: 1 }),
    row("other", { pool: "other", priority: 9 }),
  );
  expect(idsOf(await take(first, 2))).toEqual(["urgent", "old"]);
  expect(await take(second)).toMatchObject([{ id: "young", envelope_json: '"young"' }]);
  expect(await take(first)).toEqual([]);
});

test("gives no message to two, however they ask at once", async () => {
  await insert(opened.store, ...numbered(60));
  const asked = Array.from({ length: 12 }, (_, n) => take(n % 2 === 0 ? first : second, 7));
  const taken = (await Promise.all(asked)).map(idsOf);
  expect(taken.every(({ length }) => length <= 7)).toBe(true);
  const rest = idsOf(await take(first));
  expect([...taken.flat(), ...rest].sort()).toEqual(idsOf(numbered(60)));
});

test("gives the message of one who went silent to another when its claim ran out, and not before", async () => {
  await insert(opened.store, row("a"));
  expect(idsOf(await take(first))).toEqual(["a"]);
  clock.advance(forMs - 1);
  expect(await take(second)).toEqual([]);
  clock.advance(1);
  expect(idsOf(await take(second))).toEqual(["a"]);
});

test("gives a message back at once or after a pause", async () => {
  await insert(opened.store, row("a"), row("b"));
  const [a, b] = await take(first);
  await first.giveBack([a!]);
  await first.giveBack([b!], 100);
  expect(idsOf(await take(second))).toEqual(["a"]);
  clock.advance(100);
  expect(idsOf(await take(second))).toEqual(["b"]);
});

test("leaves a message with whom it is now, when it is given back too late", async () => {
  await insert(opened.store, row("a"));
  const late = await take(first);
  clock.advance(forMs);
  await take(second);
  await first.giveBack(late);
  expect(await take(first)).toEqual([]);
});

test("removes what was handed out, and is content with what is gone", async () => {
  await insert(opened.store, row("a"), row("b"));
  const taken = await take(first);
  await first.remove([...taken, { id: "never" }]);
  await first.remove(taken);
  await first.remove([]);
  expect(await opened.store.read.selectFrom("outbox").select("id").execute()).toEqual([]);
});

test("tenants take turns, however much one of them has, and each one's own goes by urgency", async () => {
  await insert(opened.store, ...numbered(200));
  await insert(
    opened.store,
    row("b-young", { tenant_id: "b", available_at: 9 }),
    row("b-urgent", { tenant_id: "b", priority: 1, available_at: 10 }),
    row("z", { tenant_id: "z" }),
  );
  expect(idsOf(await take(first, 2))).toEqual(["b-urgent", "000"]);
  expect(idsOf(await take(first, 5))).toEqual(["z", "b-young", "001", "002", "003"]);
});

test("a tenant has as many messages in a round as its weight says, over several takes too", async () => {
  const weighed = createOutboxClaims({ store: opened.store, clock, weights: { heavy: 3 } });
  const of = (tenant: string) => numbered(20).map(({ id }) => row(`${tenant}-${id}`, { tenant_id: tenant }));
  await insert(opened.store, ...of("heavy"), ...of("light"));
  const tenants: string[] = [];
  for (let n = 0; n < 12; n += 1) {
    const [taken] = await take(weighed, 1);
    tenants.push(taken?.id.split("-")[0] ?? "none");
  }
  const round = ["heavy", "heavy", "heavy", "light"];
  expect(tenants).toEqual([...round, ...round, ...round]);
});

test("a tenant may have any name, that of a property of every object too", async () => {
  await insert(opened.store, row("a", { tenant_id: "constructor" }), row("b", { tenant_id: "toString" }));
  await insert(opened.store, row("c", { tenant_id: "__proto__" }));
  const weighed = createOutboxClaims({ store: opened.store, clock, weights: { light: 1 } });
  expect(idsOf(await take(weighed)).sort()).toEqual(["a", "b", "c"]);
});

test("gives no message to two when several tenants wait, however they ask at once", async () => {
  const rows = numbered(60).map((each, n) => ({ ...each, tenant_id: `t${n % 7}` }));
  await insert(opened.store, ...rows);
  const asked = Array.from({ length: 12 }, (_, n) => take(n % 2 === 0 ? first : second, 7));
  const taken = (await Promise.all(asked)).map(idsOf);
  expect(taken.every(({ length }) => length <= 7)).toBe(true);
  const rest = idsOf(await take(first));
  expect([...taken.flat(), ...rest].sort()).toEqual(idsOf(rows));
});

test("a tenant whose messages are all claimed is passed over", async () => {
  await insert(opened.store, row("a", { tenant_id: "a" }), row("b", { tenant_id: "b" }), row("c", { tenant_id: "b" }));
  expect(idsOf(await take(first, 1))).toEqual(["a"]);
  expect(idsOf(await take(second, 1))).toEqual(["b"]);
  expect(idsOf(await take(first, 9))).toEqual(["c"]);
});

test("keeps no claim of a process that owned the file and died", async () => {
  const file = path.join(folder, "owned.db");
  const dead = await openSqliteStore(file);
  await insert(dead, row("a"));
  expect(idsOf(await take(createOutboxClaims({ store: dead, clock })))).toEqual(["a"]);
  await dead.close();
  const next = await openSqliteStore(file);
  expect(idsOf(await take(createOutboxClaims({ store: next, clock })))).toEqual(["a"]);
  await next.close();
});
