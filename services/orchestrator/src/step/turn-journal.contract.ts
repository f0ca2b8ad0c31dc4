// What every turn journal must keep.
import type { StreamEvent } from "@ossaat/providers";
import { describe, expect, test } from "vitest";

import type { TurnJournal, TurnKey } from "./turn-journal.ts";

const planId = "plan-00000000-0000-4000-8000-000000000001";
const key: TurnKey = { planId, stepId: "fix", turn: 2 };
const events: StreamEvent[] = [
  { type: "start", warnings: [] },
  { type: "blockDelta", blockId: "0", kind: "text", text: "line\nbreak “é” \u0000" },
  { type: "usage", usage: { input: { total: 3 }, output: {} } },
  { type: "finish", reason: "stop" },
];

/** @param reopen a journal over the same storage, as a new process would open it */
export function describeTurnJournal(create: () => { journal: TurnJournal; reopen: () => TurnJournal }): void {
  describe("turn journal", () => {
    test("gives a delivered turn back, also to another process that never closed it", () => {
      const { journal, reopen } = create();
      const recording = journal.begin(key);
      for (const event of events) recording.add(event);
      expect(reopen().delivered(key)).toEqual(events);
      recording.close();
      expect(reopen().delivered(key)).toEqual(events);
    });

    test("holds a turn without its end for no turn", () => {
      const { journal, reopen } = create();
      const recording = journal.begin(key);
      for (const event of events.slice(0, -1)) recording.add(event);
      expect(reopen().delivered(key)).toBeUndefined();
      recording.close();
    });

    test("a new begin drops what was there", () => {
      const { journal } = create();
      const first = journal.begin(key);
      for (const event of events) first.add(event);
      first.close();
      journal.begin(key).close();
      expect(journal.delivered(key)).toBeUndefined();
    });

    test("keeps steps, turns and plans apart, and forgets one or all", () => {
      const { journal } = create();
      const keys = [key, { ...key, turn: 3 }, { ...key, stepId: "test" }];
      for (const each of keys) {
        const recording = journal.begin(each);
        for (const event of events) recording.add(event);
        recording.close();
      }
      journal.forget(key);
      expect(keys.map((each) => journal.delivered(each) !== undefined)).toEqual([false, true, true]);
      expect(journal.plans()).toEqual([planId]);
      journal.forgetPlan(planId);
      expect(keys.map((each) => journal.delivered(each) !== undefined)).toEqual([false, false, false]);
      journal.forgetPlan(planId);
      expect(journal.plans()).toEqual([]);
    });

    test("a writer that lost its lease and goes on does not touch the record of the next", () => {
      const { journal, reopen } = create();
      const late = journal.begin(key);
      late.add({ type: "start", warnings: ["of the first"] });
      const recording = journal.begin(key);
      for (const event of events) recording.add(event);
      late.add({ type: "finish", reason: "stop" });
      late.close();
      recording.close();
      expect(reopen().delivered(key)).toEqual(events);
    });

    test("tells what arrived of a turn that was cut, and nothing of one that was not begun", () => {
      const { journal, reopen } = create();
      expect(journal.received(key)).toBeUndefined();
      const recording = journal.begin(key);
      recording.add({ type: "heartbeat" });
      expect([reopen().received(key), reopen().delivered(key)]).toEqual([[{ type: "heartbeat" }], undefined]);
      recording.close();
    });

    test("refuses ids that are none", () => {
      const { journal } = create();
      expect(() => journal.begin({ ...key, planId: "../plan" })).toThrow("plan-<uuid>");
      expect(() => journal.begin({ ...key, stepId: "../x" })).toThrow("1-64 of");
    });
  });
}
