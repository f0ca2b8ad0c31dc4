import { sql } from "kysely";
import { expect, test } from "vitest";

import { manualClock } from "../testing/manual-clock.ts";
import { storeTime } from "./store-time.ts";

test("the moment is a number where the engine's clock rules", () => {
  const clock = manualClock(1_000);
  expect(storeTime({ store: { leaseTime: (now) => now }, clock }, 5)).toBe(1_005);
});

test("the same moment by a database's clock is the same expression, so that what holds it is built once", () => {
  const time = sql<number>`clock()`;
  const source = { store: { leaseTime: () => time }, clock: manualClock() };
  expect(storeTime(source, 5)).toBe(storeTime(source, 5));
  expect(storeTime(source, 6)).not.toBe(storeTime(source, 5));
});
