// What every store must do, whatever its database.
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { planRow } from "../testing/rows.ts";
import { statement } from "./statement.ts";
import type { Slots } from "./statement.ts";
import type { Store, Tx } from "./store.ts";
import type { ApprovalRow } from "./tables.ts";

export type StoreUnderTest = {
  store: Store;
  /** Closes the store and opens the same data again. */
  reopen(): Promise<Store>;
  remove(): Promise<void>;
};

function approvalRow(id: string, planId: string, status: ApprovalRow["status"]): ApprovalRow {
  return {
    id,
    tenant_id: "local",
    plan_id: planId,
    step_id: "a",
    kind: "step",
    call_id: null,
    request_hash: "h",
    request_json: "{}",
    status,
    scope: null,
    feedback: null,
    requested_at: 0,
    expires_at: 0,
    decided_at: null,
    decided_by: null,
  };
}

const addSpent = statement((db, { id, by }: Slots<{ id: string; by: number }>) =>
  db
    .updateTable("plan")
    .set((eb) => ({ spent_tokens: eb("spent_tokens", "+", by) }))
    .where("id", "=", id)
    .returning("spent_tokens"),
);

export function describeStore(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} as a Store`, () => {
    let subject: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      subject = await open();
      ({ store } = subject);
    });
    afterEach(() => subject.remove());

    const insert = (tx: Tx, id: string) => tx.insertInto("plan").values(planRow(id)).execute();
    const planIds = async (from: Store = store) => {
      const rows = await from.read.selectFrom("plan").select("id").orderBy("id").execute();
      return rows.map(({ id }) => id);
    };
    const spentOf = (tx: Tx) =>
      tx.selectFrom("plan").select("spent_tokens").where("id", "=", "a").forUpdate().executeTakeFirstOrThrow();

    test("runs a statement that was named ahead once, at the latest when it is asked for", async () => {
      await store.tx((tx) => insert(tx, "a"));
      const values = { id: "a", by: 5 };
      const seen = await store.tx(async (tx) => {
        await addSpent.ahead(tx, values);
        const before = await spentOf(tx);
        const after = await addSpent(tx, values);
        return [before, ...after];
      });
      const { spent_tokens: kept } = await store.tx(spentOf);
      expect([seen.map(({ spent_tokens: spent }) => spent), kept]).toEqual([[0, 5], 5]);
    });

    test("gives one tenant its rows, in transactions and outside of them", async () => {
      const own = store.forTenant("local");
      await own.tx((tx) => insert(tx, "a"));
      await expect(
        own.tx(async (tx) => {
          await insert(tx, "b");
          throw new Error("undo");
        }),
      ).rejects.toThrow("undo");
      expect([await planIds(own), await planIds()]).toEqual([["a"], ["a"]]);
    });

    test("knows the moment that leases go by, in whole milliseconds that never go back", async () => {
      const timeOf = async () => {
        const { rows } = await sql<{ time: number }>`select ${store.leaseTime(1_000)} as time`.execute(store.read);
        return Number(rows[0]?.time);
      };
      const times = [await timeOf(), await timeOf()];
      expect(times.map((time) => Number.isSafeInteger(time) && time >= 1_000)).toEqual([true, true]);
      expect(times.toSorted((a, b) => a - b)).toEqual(times);
    });

    test("commits everything a transaction wrote and gives back its result", async () => {
      const result = await store.tx(async (tx) => {
        await insert(tx, "a");
        await insert(tx, "b");
        return 7;
      });
      expect([result, await planIds()]).toEqual([7, ["a", "b"]]);
    });

    test("rolls everything back when the work throws, and throws the same error", async () => {
      const error = new Error("no");
      const work = store.tx(async (tx) => {
        await insert(tx, "a");
        throw error;
      });
      await expect(work).rejects.toBe(error);
      expect(await planIds()).toEqual([]);
    });

    test("rolls everything back when a statement fails, and goes on working", async () => {
      const twice = store.tx(async (tx) => {
        await insert(tx, "a");
        await insert(tx, "a");
      });
      await expect(twice).rejects.toThrow(/unique/i);
      await store.tx((tx) => insert(tx, "b"));
      expect(await planIds()).toEqual(["b"]);
    });

    test("a read outside sees committed rows only", async () => {
      let seen: Promise<string[]> | undefined;
      const work = store.tx(async (tx) => {
        await insert(tx, "a");
        seen = planIds();
        await insert(tx, "b");
        throw new Error("no");
      });
      await expect(work).rejects.toThrow("no");
      expect(await seen).toEqual([]);
    });

    test("changes at the same time lose nothing", async () => {
      await store.tx((tx) => insert(tx, "a"));
      const add = async (tx: Tx) => {
        const { spent_tokens: before } = await spentOf(tx);
        await tx
          .updateTable("plan")
          .set({ spent_tokens: before + 1 })
          .execute();
      };
      await Promise.all(Array.from({ length: 40 }, () => store.tx(add)));
      expect(await store.tx(spentOf)).toEqual({ spent_tokens: 40 });
    });

    test("of guarded changes at the same time exactly one finds the state it asks for", async () => {
      await store.tx((tx) => insert(tx, "a"));
      const start = (worker: string) =>
        store.tx(async (tx) => {
          const won = await tx
            .updateTable("plan")
            .set({ status: "running", created_by: worker })
            .where("id", "=", "a")
            .where("status", "=", planRow("a").status)
            .returning("created_by")
            .executeTakeFirst();
          return won?.created_by;
        });
      const winners = (await Promise.all(Array.from({ length: 20 }, (_, n) => start(`w${n}`)))).filter(
        (winner) => winner !== undefined,
      );
      const row = await store.read.selectFrom("plan").select("created_by").executeTakeFirstOrThrow();
      expect(winners).toEqual([row.created_by]);
    });

    test("numbers given out under a row's lock have no gap and no double, whoever fails", async () => {
      await store.tx((tx) => insert(tx, "a"));
      const take = (n: number) =>
        store.tx(async (tx) => {
          const { next_seq: next } = await tx
            .selectFrom("plan")
            .select("next_seq")
            .where("id", "=", "a")
            .forUpdate()
            .executeTakeFirstOrThrow();
          await tx
            .updateTable("plan")
            .set({ next_seq: next + 1 })
            .where("id", "=", "a")
            .execute();
          if (n % 3 === 0) throw new Error("no");
          return next;
        });
      const first = planRow("a").next_seq;
      const answers = await Promise.allSettled(Array.from({ length: 30 }, (_, n) => take(n)));
      const taken = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
      expect(taken.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, n) => first + n));
    });

    test("of two that put the same key at once, one waits and sees the other's row", async () => {
      const put = (answer: string) =>
        store.tx(async (tx) => {
          const row = { tenant_id: "t", key: "k", request_hash: "h", response_json: answer, expires_at: 1 };
          const mine = await tx
            .insertInto("idem")
            .values(row)
            .onConflict((conflict) => conflict.columns(["tenant_id", "key"]).doNothing())
            .returning("response_json")
            .executeTakeFirst();
          return mine ?? (await tx.selectFrom("idem").select("response_json").executeTakeFirstOrThrow());
        });
      const answers = await Promise.all(["1", "2", "3", "4"].map(put));
      expect(new Set(answers.map(({ response_json: json }) => json)).size).toBe(1);
    });

    test("of changes at the same time, one that fails takes nothing of the others with it", async () => {
      const answers = await Promise.allSettled(
        ["a", "b", "c", "d"].map((id) =>
          store.tx(async (tx) => {
            await insert(tx, id);
            if (id === "a" || id === "c") throw new Error("no");
          }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled"]);
      expect(await planIds(await subject.reopen())).toEqual(["b", "d"]);
    });

    test("what was committed is there after a restart", async () => {
      await store.tx((tx) => insert(tx, "a"));
      expect(await planIds(await subject.reopen())).toEqual(["a"]);
    });

    test("closes at once after it was opened, as often as it is", async () => {
      for (let times = 0; times < 3; times += 1) await subject.reopen();
      expect(await planIds(await subject.reopen())).toEqual([]);
    });

    test("opening again changes neither schema nor rows", async () => {
      await store.tx((tx) => insert(tx, "a"));
      const again = await subject.reopen();
      await again.ping();
      const third = await subject.reopen();
      expect(await third.read.selectFrom("plan").selectAll().execute()).toEqual([planRow("a")]);
    });

    test("gives values back as they were written", async () => {
      const row = planRow("a", {
        goal: `"quotes" 'single' \n\t\\ 日本語 🎉 ${"x".repeat(100_000)}`,
        created_at: 1_800_000_000_123,
        spent_tokens: 2 ** 40,
        spent_cost_usd: 0.1 + 0.2,
        model: "",
      });
      await store.tx((tx) => tx.insertInto("plan").values(row).execute());
      expect(await store.read.selectFrom("plan").selectAll().execute()).toEqual([row]);
    });

    test("sorts text by its code points, and numbers by their size", async () => {
      const ids = ["Z", "_", "a", "a-b", "aB", "ab", "b", "é", "語"];
      await store.tx(async (tx) => {
        for (const [n, id] of ids.toReversed().entries())
          await tx
            .insertInto("plan")
            .values(planRow(id, { created_at: n * 7 }))
            .execute();
      });
      expect(await planIds()).toEqual(ids);
      const times = await store.read.selectFrom("plan").select("created_at").orderBy("created_at", "desc").execute();
      expect(times.map(({ created_at: at }) => at / 7)).toEqual([8, 7, 6, 5, 4, 3, 2, 1, 0]);
    });

    test("counts, sums and extremes are numbers", async () => {
      const tokens = 2 ** 41;
      await store.tx(async (tx) => {
        for (const id of ["a", "b", "c"])
          await tx
            .insertInto("plan")
            .values(planRow(id, { spent_tokens: tokens, spent_cost_usd: 0.25 }))
            .execute();
      });
      const row = await store.read
        .selectFrom("plan")
        .select((eb) => [
          eb.fn.countAll<number>().as("count"),
          eb.fn.count<number>("status").distinct().as("statuses"),
          eb.fn.max("spent_tokens").as("most"),
          eb.fn.sum<number>("spent_cost_usd").as("cost"),
        ])
        .executeTakeFirstOrThrow();
      expect(row).toEqual({ count: 3, statuses: 1, most: tokens, cost: 0.75 });
    });

    test("refuses an event of a plan that does not exist", async () => {
      const event = {
        plan_id: "gone",
        seq: 1,
        at: 0,
        type: "plan.started" as const,
        step_id: null,
        attempt: null,
        actor_json: "{}",
        data_json: "{}",
        trace_id: null,
      };
      await expect(store.tx((tx) => tx.insertInto("event").values(event).execute())).rejects.toThrow(/foreign key/i);
    });

    test("keeps at most one pending approval of a step", async () => {
      const put = (row: ApprovalRow) => store.tx((tx) => tx.insertInto("approval").values(row).execute());
      await store.tx((tx) => insert(tx, "a"));
      await put(approvalRow("1", "a", "void"));
      await put(approvalRow("2", "a", "denied"));
      await put(approvalRow("3", "a", "pending"));
      await expect(put(approvalRow("4", "a", "pending"))).rejects.toThrow(/unique/i);
    });

    test("answers a ping", async () => {
      await expect(store.ping()).resolves.toBeUndefined();
    });
  });
}
