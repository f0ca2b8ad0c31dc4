// PORT: time, ids and randomness, injected so that tests and fault runs control them.
import { randomBytes, randomUUID } from "node:crypto";

export type Clock = {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds of a clock that never jumps; only differences mean anything. */
  monotonic(): number;
};

export type Ids = {
  uuid(): string;
  /** 16 hex digits. */
  short(): string;
};

/** Uniform in [0, 1). */
export type Rng = () => number;

export const systemClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };
export const systemIds: Ids = { uuid: () => randomUUID(), short: () => randomBytes(8).toString("hex") };

export function toTimestamp(ms: number): string {
  return new Date(ms).toISOString();
}
