import { array, assert as check, boolean, integer, property, record } from "fast-check";
import { expect, test } from "vitest";

import { OffsetLedger } from "./offset-ledger.ts";

test("the mark stops at the first record that is not settled, and jumps when it is", () => {
  const ledger = new OffsetLedger(7);
  const marks = [ledger.mark];
  for (const offset of [7, 8, 9, 12]) ledger.take(offset);
  for (const offset of [8, 9, 7, 12]) {
    expect(ledger.finish(offset)).toBe(true);
    marks.push(ledger.mark);
  }
  expect(marks).toEqual([7, 7, 7, 12, 13]);
  expect([ledger.finish(8), ledger.isOpen(8), ledger.mark]).toEqual([false, false, 13]);
});

test("nothing below the mark is open, and the mark itself is open or was not read", () => {
  const steps = array(record({ gap: integer({ min: 1, max: 3 }), settle: boolean(), pick: integer({ min: 0 }) }));
  check(
    property(steps, (moves) => {
      const ledger = new OffsetLedger(0);
      const open: number[] = [];
      let read = 0;
      let before = 0;
      for (const { gap, settle, pick } of moves) {
        if (settle && open.length > 0) ledger.finish(open.splice(pick % open.length, 1)[0] ?? -1);
        else {
          read += gap;
          ledger.take(read - 1);
          open.push(read - 1);
        }
        expect(ledger.mark).toBe(open.length === 0 ? read : Math.min(...open));
        expect(ledger.mark).toBeGreaterThanOrEqual(before);
        before = ledger.mark;
      }
    }),
  );
});
