// Who reads what elsewhere, as a process keeps it.
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Wakes } from "../store/store.ts";
import { createEventBus } from "./event-bus.ts";
import { liveShareLimits } from "./limits.ts";
import { LiveShare } from "./share-live.ts";

const wakes: Wakes = { send: () => undefined, isListening: () => true, onWake: () => undefined };

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

test("a process that runs no step forgets the plans that were read elsewhere, too", () => {
  const live = new LiveShare(wakes, createEventBus());
  for (let n = 0; n < 1_000; n += 1) live.hear(`watch/plan-${n}`);
  vi.advanceTimersByTime(liveShareLimits.watchedMs - 1);
  live.hear("watch/plan-7");
  expect(live.watchedPlans).toBe(1_000);
  vi.advanceTimersByTime(1);
  live.hear("watch/plan-8");
  expect(live.watchedPlans).toBe(2);
});
