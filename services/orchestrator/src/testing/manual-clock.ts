// Time, ids and chance that a test controls.
import type { Clock, Ids, Rng } from "../clock.ts";

export type ManualClock = Clock & {
  advance(ms: number): void;
  /** Sets the wall clock to another time, as a person or a time server does; negative = back. */
  jump(ms: number): void;
};

/** Stands still until it is advanced. */
export function manualClock(start: number = Date.parse("2026-01-01T00:00:00.000Z")): ManualClock {
  let passed = 0;
  let jumped = 0;
  return {
    now: () => start + passed + jumped,
    monotonic: () => passed,
    advance: (ms) => {
      passed += ms;
    },
    jump: (ms) => {
      jumped += ms;
    },
  };
}

/** Ids that count up, the same in every run. */
export function countingIds(): Ids {
  let count = 0;
  const next = (digits: number) => (count += 1).toString(16).padStart(digits, "0");
  return { uuid: () => `00000000-0000-4000-9000-${next(12)}`, short: () => next(16) };
}

/** A small generator (mulberry32): the same seed gives the same numbers. */
export function seededRng(seed: number): Rng {
  let state = Math.trunc(seed);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The items in an order of chance. */
export function shuffled<T>(items: readonly T[], rng: Rng): T[] {
  const places = items.map((item) => ({ item, place: rng() }));
  return places.sort((a, b) => a.place - b.place).map(({ item }) => item);
}
