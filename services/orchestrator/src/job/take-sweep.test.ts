import { afterEach, expect, test } from "vitest";

import { openTestEngine } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { takeSweep } from "./take-sweep.ts";

let engine: TestEngine;
afterEach(() => engine.remove());

test("of the processes that share a store one takes a sweep, until its pause is over; each sweep has its own", async () => {
  engine = await openTestEngine();
  const { isShared } = engine.store;
  const takers = async (name: string) => {
    const taken = await Promise.all(Array.from({ length: 4 }, () => takeSweep(engine, { name, pauseMs: 1_000 })));
    return taken.filter(Boolean).length;
  };
  const before = [await takers("a"), await takers("a"), await takers("b")];
  engine.clock.advance(999);
  const during = await takers("a");
  engine.clock.advance(1);
  expect([before, during, await takers("a")]).toEqual(isShared ? [[1, 0, 1], 0, 1] : [[4, 4, 4], 4, 4]);
});
