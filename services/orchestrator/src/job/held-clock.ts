// A wall clock that goes back only when it is told to: what waits is moved in the same moment, so that
// no time is written by the new clock and then moved as if it came from the old one.
import type { Clock } from "../clock.ts";

export type HeldClock = Clock & {
  /** How far its source was set back and it was not, whole ms; 0 = they agree. */
  heldBackMs(): number;
  /** Goes back by as much. */
  goBack(ms: number): void;
};

/**
 * Shows what `source` shows, which may go forward as it likes, until that was set back by `minStepMs` or
 * more: from then on it runs on as before, and waits for `goBack`. Less is adjustment, and is followed.
 */
export function holdClock(source: Clock, { minStepMs }: { minStepMs: number }): HeldClock {
  let offset = source.now() - source.monotonic();
  const look = (): { backMs: number; now: number } => {
    const passed = source.monotonic();
    const shown = source.now();
    const backMs = Math.round(passed + offset - shown);
    if (backMs >= minStepMs) return { backMs, now: shown + backMs };
    offset = shown - passed;
    return { backMs: 0, now: shown };
  };
  return {
    now: () => look().now,
    monotonic: () => source.monotonic(),
    heldBackMs: () => look().backMs,
    goBack: (ms) => {
      offset -= ms;
    },
  };
}
