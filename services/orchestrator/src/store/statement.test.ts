import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { InsertQueryNode, sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";

import { openSqliteStore } from "./adapters/sqlite.ts";
import { statement } from "./statement.ts";
import type { Slots } from "./statement.ts";
import type { Store } from "./store.ts";
import type { TimerRow } from "./tables.ts";

let built = 0;
let folder: string;
let store: Store;

const addTimer = statement((db, row: Slots<Pick<TimerRow, "id" | "due_at">>) => {
  built += 1;
  const { id, due_at } = row;
  return db.insertInto("timer").values({ id, plan_id: "p", step_id: "s", kind: "retry", ref: "", due_at });
});
const moveTimer = statement((db, { id, by }: Slots<{ id: string; by: number }>) =>
  db
    .updateTable("timer")
    .set((eb) => ({ due_at: eb("due_at", "+", by) }))
    .where("id", "=", id)
    .returning(["id", "due_at"]),
);

beforeEach(async () => {
  built = 0;
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-statement-"));
  store = await openSqliteStore(path.join(folder, "state.db"));
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

test("runs with the values of each run, built once for a database", async () => {
  await store.tx(async (tx) => {
    await addTimer(tx, { id: "a", due_at: 1 });
    await addTimer(tx, { id: "b", due_at: 2 });
  });
  await addTimer(store.read, { id: "'; drop table timer --", due_at: 3 });
  const rows = await store.read.selectFrom("timer").select(["id", "due_at", "kind"]).orderBy("due_at").execute();
  expect([built, rows]).toEqual([
    1,
    [
      { id: "a", due_at: 1, kind: "retry" },
      { id: "b", due_at: 2, kind: "retry" },
      { id: "'; drop table timer --", due_at: 3, kind: "retry" },
    ],
  ]);
});

test("is built once with an expression, which is a part of its text, and again with another", async () => {
  const [known, other] = [sql<number>`40 + 2`, sql<number>`40 + 3`];
  for (const id of ["a", "b"]) await addTimer(store.read, { id, due_at: known });
  await addTimer(store.read, { id: "c", due_at: other });
  await addTimer(store.read, { id: "d", due_at: 44 });
  const rows = await store.read.selectFrom("timer").select(["id", "due_at"]).orderBy("id").execute();
  expect([built, rows.map(({ id, due_at: due }) => `${id} ${due}`)]).toEqual([3, ["a 42", "b 42", "c 43", "d 44"]]);
});

test("gives what the statement returns, and nothing when it met no row", async () => {
  await addTimer(store.read, { id: "a", due_at: 1 });
  expect(await moveTimer(store.read, { id: "a", by: 41 })).toEqual([{ id: "a", due_at: 42 }]);
  expect(await moveTimer(store.read, { id: "b", by: 41 })).toEqual([]);
});

test("goes with its transaction", async () => {
  const failed = store.tx(async (tx) => {
    await addTimer(tx, { id: "a", due_at: 1 });
    throw new Error("no");
  });
  await expect(failed).rejects.toThrow("no");
  expect(await store.read.selectFrom("timer").selectAll().execute()).toEqual([]);
});

test("a plugin of the handle sees the values of each run", async () => {
  const seen: unknown[] = [];
  const db = store.read.withPlugin({
    transformQuery: ({ node }) => {
      seen.push(InsertQueryNode.is(node) && JSON.stringify(node.values).includes('"seen by plugins"'));
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  });
  await addTimer(store.read, { id: "kept", due_at: 1 });
  await addTimer(db, { id: "seen by plugins", due_at: 2 });
  await addTimer(db, { id: "another", due_at: 3 });
  expect(seen).toEqual([true, false]);
  expect(await store.read.selectFrom("timer").select("id").orderBy("due_at").execute()).toEqual(
    ["kept", "seen by plugins", "another"].map((id) => ({ id })),
  );
});
