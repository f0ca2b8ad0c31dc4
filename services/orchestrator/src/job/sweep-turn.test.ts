// Whose turn a sweep is, among processes on one store; a store with one owner knows no turns.
import { afterEach, beforeEach, expect, test } from "vitest";

import { openTestEngine } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { SweepTurn } from "./sweep-turn.ts";

const pauseMs = 1_000;

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const turn = () => new SweepTurn(engine, { name: "clock", pauseMs });
/** Where the store is shared; else everybody has every turn. */
const shared = (expected: readonly boolean[]) => (engine.store.isShared ? expected : expected.map(() => true));

async function take(...turns: readonly SweepTurn[]): Promise<boolean[]> {
  const taken: boolean[] = [];
  for (const each of turns) taken.push(await each.take());
  return taken;
}

test("one process has it as long as it asks again in time, and the next one soon after that", async () => {
  const [first, second] = [turn(), turn()];
  const before = await take(first, second, first, second);
  engine.clock.advance(pauseMs - 1);
  const kept = await take(second, first);
  engine.clock.advance(pauseMs - 1);
  const still = await take(second);
  engine.clock.advance(1);
  const next = await take(second, first, second);
  expect([before, kept, still, next]).toEqual(
    [[true, false, true, false], [false, true], [false], [true, false, true]].map(shared),
  );
});

test("long work keeps it by saying so, and a process that stops leaves it at once", async () => {
  const [first, second] = [turn(), turn()];
  await first.take();
  engine.clock.advance(pauseMs - 1);
  await first.keep();
  engine.clock.advance(pauseMs - 1);
  const before = await take(second);
  await first.leave();
  const after = await take(second, first);
  expect([before, after]).toEqual([[false], [true, false]].map(shared));
});

test("each sweep has a turn of its own", async () => {
  const other = new SweepTurn(engine, { name: "lines", pauseMs });
  expect(await take(turn(), other)).toEqual([true, true]);
});
