import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { AgentError } from "@ossaat/contracts";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { planRow } from "../../testing/rows.ts";
import type { Store } from "../store.ts";
import { describeStore } from "../store.contract.ts";
import { openSqliteStore } from "./sqlite.ts";

const makeFolder = () => mkdtempSync(path.join(tmpdir(), "ossaat-store-"));

describeStore("SQLite", async () => {
  const folder = makeFolder();
  const file = path.join(folder, "state.db");
  let store = await openSqliteStore(file);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openSqliteStore(file);
      return store;
    },
    async remove() {
      await store.close();
      rmSync(folder, { recursive: true });
    },
  };
});

const ownerScript = fileURLToPath(new URL("../../testing/store-process.ts", import.meta.url));

describe("the embedded store", () => {
  let folder: string;
  let file: string;
  const open: Store[] = [];
  const children: ChildProcess[] = [];
  const openStore = async (at: string = file) => {
    const store = await openSqliteStore(at);
    open.push(store);
    return store;
  };
  const errorOf = async (work: Promise<unknown>) => {
    const thrown: unknown = await work.then(
      () => undefined,
      (error: unknown) => error,
    );
    return thrown instanceof AgentError ? { code: thrown.code, message: thrown.message } : thrown;
  };
  const startOwner = (...uid: string[]) => {
    const child = spawn(process.execPath, [ownerScript, file, ...uid], { stdio: ["ignore", "pipe", "inherit"] });
    children.push(child);
    return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  };

  beforeEach(() => {
    folder = makeFolder();
    file = path.join(folder, "data", "state.db");
  });
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    for (const store of open.splice(0)) await store.close();
    rmSync(folder, { recursive: true });
  });

  const busy = { code: "conflict", message: "Another ossaat server is using this state folder." };
  const cannotWrite = { code: "unavailable", message: "The state folder cannot be written: is the disk full?" };

  test("writes ahead and waits for the disk at every commit", async () => {
    const { read } = await openStore();
    const pragma = async (name: string) => {
      const { rows } = await sql.raw<Record<string, unknown>>(`PRAGMA ${name}`).execute(read);
      return Object.values(rows[0] ?? {})[0];
    };
    const full = 2;
    expect({
      journal: await pragma("journal_mode"),
      synchronous: await pragma("synchronous"),
      locking: await pragma("locking_mode"),
      foreignKeys: await pragma("foreign_keys"),
    }).toEqual({ journal: "wal", synchronous: full, locking: "exclusive", foreignKeys: 1 });
  });

  test("a migration that breaks off leaves nothing behind, and is done whole the next time", async () => {
    mkdirSync(path.dirname(file), { recursive: true });
    const alter = (statement: string) => {
      const database = new DatabaseSync(file);
      database.exec(statement);
      database.close();
    };
    // In the way of a later table, so that the first ones are made already.
    alter("CREATE TABLE outbox (x)");
    await expect(openSqliteStore(file)).rejects.toMatchObject({ code: "internal" });
    alter("DROP TABLE outbox");
    const store = await openStore();
    await store.tx((tx) => tx.insertInto("plan").values(planRow("a")).execute());
    expect(await store.read.selectFrom("plan").select("id").execute()).toEqual([{ id: "a" }]);
  });

  test("nobody but the owner can read its files", async () => {
    const store = await openStore();
    await store.tx((tx) => tx.insertInto("plan").values(planRow("a")).execute());
    const modeOf = (name: string) => (statSync(name).mode & 0o777).toString(8);
    const files = readdirSync(path.dirname(file));
    expect(files.sort()).toEqual(["state.db", "state.db-wal"]);
    expect(files.map((name) => modeOf(path.join(path.dirname(file), name)))).toEqual(["600", "600"]);
    expect(modeOf(path.dirname(file))).toBe("700");
  });

  test("a second opener is refused, in this process and in another, and the first goes on", async () => {
    const store = await openStore();
    expect(await errorOf(openSqliteStore(file))).toEqual(busy);
    const { lines } = startOwner();
    const { value } = await lines.next();
    expect(JSON.parse(String(value))).toEqual({
      ...busy,
      details: { reason: "folder_owned", next: "run `ossaat status` to see it, or `ossaat down` to stop it" },
    });
    await store.tx((tx) => tx.insertInto("plan").values(planRow("a")).execute());
    expect(await errorOf(openSqliteStore(file))).toEqual(busy);
  });

  test("the owner keeps others out, and killed in the middle of writing leaves every commit", async () => {
    const { child, lines } = startOwner();
    expect((await lines.next()).value).toBe("open");
    expect(await errorOf(openSqliteStore(file))).toEqual(busy);
    let committed = -1;
    while (committed < 50) committed = Number((await lines.next()).value);
    child.kill("SIGKILL");
    await once(child, "exit");
    for await (const line of { [Symbol.asyncIterator]: () => lines }) committed = Number(line);
    const store = await openStore();
    const ids = (await store.read.selectFrom("plan").select("id").orderBy("id").execute()).map(({ id }) => id);
    const last = Number(ids.at(-1)?.slice(0, 6));
    expect(last).toBeGreaterThanOrEqual(committed);
    const whole = Array.from({ length: last + 1 }, (_, n) => String(n).padStart(6, "0"));
    expect(ids).toEqual(whole.flatMap((id) => [`${id}.a`, `${id}.b`]));
    const { rows } = await sql<{ integrity_check: string }>`PRAGMA integrity_check`.execute(store.read);
    expect(rows).toEqual([{ integrity_check: "ok" }]);
  });

  test("a full disk is unavailable, leaves nothing half done, and mends itself", async () => {
    const store = await openStore();
    const limit = async (pages: string) => sql.raw(`PRAGMA max_page_count = ${pages}`).execute(store.read);
    const { rows } = await sql<{ page_count: number }>`PRAGMA page_count`.execute(store.read);
    await limit(String((rows[0]?.page_count ?? 0) + 2));
    const fill = store.tx(async (tx) => {
      for (let n = 0; n < 20; n += 1) {
        await tx
          .insertInto("plan")
          .values(planRow(`p${n}`, { goal: "x".repeat(10_000) }))
          .execute();
      }
    });
    expect(await errorOf(fill)).toEqual(cannotWrite);
    expect(await store.read.selectFrom("plan").select("id").execute()).toEqual([]);
    await limit("1000000");
    await store.tx((tx) => tx.insertInto("plan").values(planRow("a")).execute());
    expect(await store.read.selectFrom("plan").select("id").execute()).toEqual([{ id: "a" }]);
  });

  test("a place that cannot be written is unavailable", async () => {
    writeFileSync(path.join(folder, "file"), "");
    mkdirSync(path.join(folder, "folder"));
    expect(await errorOf(openSqliteStore(path.join(folder, "file", "state.db")))).toEqual(cannotWrite);
    expect(await errorOf(openSqliteStore(path.join(folder, "folder")))).toEqual(cannotWrite);
  });

  test("a folder of somebody else is unavailable", async () => {
    mkdirSync(path.dirname(file));
    chmodSync(folder, 0o755);
    chmodSync(path.dirname(file), 0o555);
    const isRoot = process.getuid?.() === 0;
    const { lines } = startOwner(...(isRoot ? ["65534"] : []));
    const { value } = await lines.next();
    expect(JSON.parse(String(value))).toMatchObject(cannotWrite);
  });

  test("a damaged file is reported, not repaired in silence", async () => {
    mkdirSync(path.dirname(file));
    writeFileSync(file, "this is not a database, whatever its name says".repeat(100));
    expect(await errorOf(openSqliteStore(file))).toEqual({
      code: "unavailable",
      message: "The database state.db is damaged.",
    });
  });

  test("a file of a newer version is refused, untouched, and not kept locked", async () => {
    const store = await openStore();
    await sql`insert into kysely_migration (name, timestamp) values ('9999-future', '2030')`.execute(store.read);
    await store.close();
    open.splice(0);
    const refused = { code: "conflict", message: "The state folder was written by a newer version of ossaat." };
    expect(await errorOf(openSqliteStore(file))).toEqual(refused);
    expect(await errorOf(openSqliteStore(file))).toEqual(refused);
  });
});
