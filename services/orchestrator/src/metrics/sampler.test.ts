import { afterEach, expect, test, vi } from "vitest";

import { manualClock } from "../testing/manual-clock.ts";
import { metricsLimits } from "./limits.ts";
import { createSampler } from "./sampler.ts";

afterEach(() => vi.useRealTimers());

function sampled(read: () => Promise<number>) {
  const clock = manualClock();
  const errors: unknown[] = [];
  return { clock, errors, ask: createSampler({ read, clock, onError: (error) => errors.push(error) }) };
}

test("many ask at once and soon after, one reading is made", async () => {
  let readings = 0;
  const { ask, clock } = sampled(async () => (readings += 1));
  expect(await Promise.all([ask(), ask(), ask()])).toEqual([1, 1, 1]);
  clock.advance(metricsLimits.cacheMs - 1);
  expect(await ask()).toBe(1);
  clock.advance(1);
  expect(await ask()).toBe(2);
});

test("a reading that fails is no error of whoever asks, and is not made again at once", async () => {
  let readings = 0;
  const { ask, clock, errors } = sampled(() => {
    readings += 1;
    return readings === 2 ? Promise.resolve(2) : Promise.reject(new Error("away"));
  });
  expect([await ask(), await ask(), readings]).toEqual([undefined, undefined, 1]);
  expect(errors).toEqual([new Error("away")]);
  clock.advance(metricsLimits.cacheMs);
  expect(await ask()).toBe(2);
});

test("a reading that hangs holds nobody up, and none is made beside it", async () => {
  vi.useFakeTimers();
  const { promise, resolve } = Promise.withResolvers<number>();
  let readings = 0;
  const { ask } = sampled(() => {
    readings += 1;
    return promise;
  });
  const both = Promise.all([ask(), ask()]);
  await vi.advanceTimersByTimeAsync(metricsLimits.waitMs);
  expect(await both).toEqual([undefined, undefined]);
  resolve(7);
  expect([await ask(), readings]).toEqual([7, 1]);
});
