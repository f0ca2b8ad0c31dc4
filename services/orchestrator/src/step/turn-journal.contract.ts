// What every turn journal must keep.
import type { StreamEvent } from "@ossaat/providers";
import { describe, expect, test } from "vitest";

import { waitUntil } from "../testing/wait-until.ts";
import type { TurnJournal, TurnKey } from "./turn-journal.ts";

const planId = "plan-00000000-0000-4000-8000-000000000001";
const key: TurnKey = { planId, stepId: "fix", turn: 2 };
const events: StreamEvent[] = [
  { type: "start", warnings: [] },
  { type: "blockDelta", blockId: "0", kind: "text", text: "line\nbreak “é” \u0000" },
  { type: "usage", usage: { input: { total: 3 }, output: {} } },
  { type: "finish", reason: "stop" },
];

const known = (journal: TurnJournal, keys: readonly TurnKey[]) =>
  Promise.all(keys.map(async (each) => (await journal.delivered(each)) !== undefined));

export type JournalUnderTest = {
  journal: TurnJournal;
  /** A journal over the same storage, as a new process would open it. */
  reopen: () => TurnJournal;
};

/** @param create an empty journal */
export function describeTurnJournal(create: () => JournalUnderTest | Promise<JournalUnderTest>): void {
  describe("turn journal", () => {
    test("gives a delivered turn back, also to another process that never closed it", async () => {
      const { journal, reopen } = await create();
      const recording = await journal.begin(key);
      for (const event of events) await recording.add(event);
      expect(await reopen().delivered(key)).toEqual(events);
      await recording.close();
      expect(await reopen().delivered(key)).toEqual(events);
    });

    test("holds a turn without its end for no turn", async () => {
      const { journal, reopen } = await create();
      const recording = await journal.begin(key);
      for (const event of events.slice(0, -1)) await recording.add(event);
      expect(await reopen().delivered(key)).toBeUndefined();
      await recording.close();
    });

    test("a new begin drops what was there", async () => {
      const { journal } = await create();
      const first = await journal.begin(key);
      for (const event of events) await first.add(event);
      await first.close();
      await (await journal.begin(key)).close();
      expect(await journal.delivered(key)).toBeUndefined();
    });

    test("keeps steps, turns and plans apart, and forgets one or all", async () => {
      const { journal } = await create();
      const keys = [key, { ...key, turn: 3 }, { ...key, stepId: "test" }];
      for (const each of keys) {
        const recording = await journal.begin(each);
        for (const event of events) await recording.add(event);
        await recording.close();
      }
      await journal.forget(key);
      expect(await known(journal, keys)).toEqual([false, true, true]);
      expect(await journal.plans()).toEqual([planId]);
      await journal.forgetPlan(planId);
      expect(await known(journal, keys)).toEqual([false, false, false]);
      await journal.forgetPlan(planId);
      expect(await journal.plans()).toEqual([]);
    });

    test("knows a plan until it is told to forget it, also when all its turns are recorded", async () => {
      const { journal, reopen } = await create();
      await (await journal.begin(key)).close();
      await journal.forget(key);
      expect([await journal.received(key), await reopen().plans()]).toEqual([undefined, [planId]]);
    });

    test("a writer that lost its lease and goes on does not touch the record of the next", async () => {
      const { journal, reopen } = await create();
      const late = await journal.begin(key);
      await late.add({ type: "start", warnings: ["of the first"] });
      const recording = await journal.begin(key);
      for (const event of events) await recording.add(event);
      await late.add({ type: "finish", reason: "stop" });
      await late.close();
      await recording.close();
      expect(await reopen().delivered(key)).toEqual(events);
    });

    test("tells what arrived of a turn that was cut, and nothing of one that was not begun", async () => {
      const { journal, reopen } = await create();
      expect(await journal.received(key)).toBeUndefined();
      const recording = await journal.begin(key);
      await recording.add({ type: "heartbeat" });
      await waitUntil("it is kept", async () => (await journal.received(key))?.length === 1);
      expect([await reopen().received(key), await reopen().delivered(key)]).toEqual([
        [{ type: "heartbeat" }],
        undefined,
      ]);
      await recording.close();
    });

    test("refuses ids that are none", async () => {
      const { journal } = await create();
      await expect(journal.begin({ ...key, planId: "../plan" })).rejects.toThrow("plan-<uuid>");
      await expect(journal.begin({ ...key, stepId: "../x" })).rejects.toThrow("1-64 of");
    });
  });
}
