import fc from "fast-check";
import { expect, test } from "vitest";

import { manualClock } from "../testing/manual-clock.ts";
import { holdClock } from "./held-clock.ts";

const minStepMs = 2_000;

test("it shows what its source shows, and goes forward with it", () => {
  const source = manualClock();
  const held = holdClock(source, { minStepMs });
  source.advance(5);
  source.jump(3_600_000);
  expect([held.now(), held.monotonic(), held.heldBackMs()]).toEqual([source.now(), 5, 0]);
});

test("it runs on as before when its source is set back, until it is told to go back", () => {
  const source = manualClock();
  const held = holdClock(source, { minStepMs });
  const before = held.now();
  source.jump(-3_600_000);
  source.advance(7);
  expect([held.now(), held.heldBackMs()]).toEqual([before + 7, 3_600_000]);
  held.goBack(3_600_000);
  expect([held.now(), held.heldBackMs()]).toEqual([source.now(), 0]);
});

test("many small adjustments are followed, whatever they come to together", () => {
  const source = manualClock();
  const held = holdClock(source, { minStepMs });
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1 - minStepMs, max: minStepMs }), { maxLength: 50 }), (steps) => {
      for (const step of steps) {
        source.jump(step);
        source.advance(1);
        expect([held.now(), held.heldBackMs()]).toEqual([source.now(), 0]);
      }
    }),
  );
});

test("a source that is set right again before anybody noticed is followed", () => {
  const source = manualClock();
  const held = holdClock(source, { minStepMs });
  source.jump(-3_600_000);
  const backMs = held.heldBackMs();
  source.jump(3_600_000);
  expect([backMs, held.heldBackMs(), held.now()]).toEqual([3_600_000, 0, source.now()]);
});
