// Group commit over a real database whose statements are counted.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";

import { AgentError } from "@ossaat/contracts";
import { Kysely, SqliteDialect, sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";

import { planRow } from "../../testing/rows.ts";
import { migrate } from "../migrate.ts";
import type { Tx } from "../store.ts";
import type { Tables } from "../tables.ts";
import { createGroupCommit, groupCommitLimits } from "./group-commit.ts";
import { nodeSqliteDatabase } from "./node-sqlite-database.ts";

let folder: string;
let db: Kysely<Tables>;
let commits: number;
let run: ReturnType<typeof createGroupCommit>;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-group-"));
  const owned = new DatabaseSync(path.join(folder, "state.db"));
  owned.exec("PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON");
  const database = nodeSqliteDatabase(owned, (thrown) => thrown);
  const counting = {
    ...database,
    prepare: (text: string) => {
      if (text === "commit") commits += 1;
      return database.prepare(text);
    },
  };
  db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: counting }) });
  await migrate(db, { isUsable: false, error: () => new AgentError("conflict", "newer") });
  commits = 0;
  run = createGroupCommit(db, {
    execute: (statement) => void database.prepare(statement).run([]),
    isInTransaction: () => owned.isTransaction,
  });
});

afterEach(async () => {
  await db.destroy();
  rmSync(folder, { recursive: true });
});

const put =
  (id: string, goal = "x") =>
  (tx: Tx) =>
    tx.insertInto("plan").values(planRow(id, { goal })).execute();
const stored = async () => (await db.selectFrom("plan").select("id").orderBy("id").execute()).map(({ id }) => id);
/** Ids whose transaction was answered as done. */
const done = async (all: Record<string, Promise<unknown>>) => {
  const answers = await Promise.allSettled(Object.values(all));
  return Object.keys(all).filter((_id, index) => answers[index]?.status === "fulfilled");
};

test("one that runs alone is committed alone and at once", async () => {
  await run(put("a"));
  await run(put("b"));
  expect([commits, await stored()]).toEqual([2, ["a", "b"]]);
});

test("those that wait are committed together, up to the limit", async () => {
  const count = groupCommitLimits.maxTransactions + 6;
  const ids = Array.from({ length: count }, (_, n) => `p${String(n).padStart(3, "0")}`);
  await Promise.all(ids.map((id) => run(put(id))));
  expect(await stored()).toEqual(ids);
  expect(commits).toBeGreaterThan(1);
  expect(commits).toBeLessThan(count / 4);
});

test("each sees what those before it wrote, and reads outside see it only when it is committed", async () => {
  const count = async (tx: Tx) => (await tx.selectFrom("plan").select("id").execute()).length;
  const first = run(put("a"));
  const second = run(count);
  const outside = stored();
  const third = run(put("b"));
  expect([await second, await outside]).toEqual([1, ["a", "b"]]);
  await Promise.all([first, third]);
});

test("one that throws takes nothing of the others with it, wherever it stands", async () => {
  const fails = (id: string) => async (tx: Tx) => {
    await put(id)(tx);
    throw new Error(`no ${id}`);
  };
  const all = { a: run(fails("a")), b: run(put("b")), c: run(fails("c")), d: run(put("d")), e: run(put("e")) };
  expect(await done(all)).toEqual(["b", "d", "e"]);
  expect(await stored()).toEqual(["b", "d", "e"]);
  await expect(all.c).rejects.toThrow("no c");
});

test("a statement that fails takes its own transaction only", async () => {
  const all = { a: run(put("a")), again: run(put("a")), b: run(put("b")) };
  expect([await done(all), await stored()]).toEqual([
    ["a", "b"],
    ["a", "b"],
  ]);
});

test("when the commit fails, nobody is told that it went well", async () => {
  const orphan = async (tx: Tx) => {
    await sql`PRAGMA defer_foreign_keys = ON`.execute(tx);
    const names = { plan_id: "gone", actor_json: "{}", data_json: "{}", step_id: null, attempt: null, trace_id: null };
    await tx
      .insertInto("event")
      .values({ ...names, seq: 1, at: 0, type: "plan.started" })
      .execute();
  };
  const all = { a: run(put("a")), orphan: run(orphan), b: run(put("b")) };
  expect([await done(all), await stored()]).toEqual([[], []]);
  await expect(all.b).rejects.toThrow(/foreign key/iu);
  await run(put("c"));
  expect(await stored()).toEqual(["c"]);
});

test("on a full disk exactly those are told that it went well whose rows are there", async () => {
  const { rows } = await sql<{ page_count: number }>`PRAGMA page_count`.execute(db);
  await sql.raw(`PRAGMA max_page_count = ${(rows[0]?.page_count ?? 0) + 3}`).execute(db);
  const ids = Array.from({ length: 12 }, (_, n) => `p${String(n).padStart(2, "0")}`);
  const all = Object.fromEntries(ids.map((id, n) => [id, run(put(id, "x".repeat(n === 5 ? 200_000 : 10)))]));
  const told = await done(all);
  expect(told).not.toContain("p05");
  expect(await stored()).toEqual(told);
  await sql`PRAGMA max_page_count = 1000000`.execute(db);
  await run(put("z"));
  expect(await stored()).toEqual([...told, "z"]);
});

test("a database that is closed refuses everybody who waits", async () => {
  await db.destroy();
  const answers = await Promise.allSettled([run(put("a")), run(put("b")), run(put("c"))]);
  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
});
