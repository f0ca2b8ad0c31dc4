// What the sweep over ready steps finds, some at a time, and that a long backlog costs no more than those.
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { messagesOf } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { jobEngineLimits } from "./limits.ts";
import { createReadySweep } from "./sweep-ready.ts";

const names = ["a", "b", "c", "d", "e", "f", "g"];
const plan = testPlan(names.map((id) => ({ ...testStep(id), needs: [] })));

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
  await storeApproved(engine, plan);
});
afterEach(() => engine.remove());

const lose = (...steps: string[]) =>
  engine.store.tx((tx) => tx.deleteFrom("outbox").where("step_id", "in", steps).execute());
const announced = async () => (await messagesOf(engine, plan.id)).map(({ stepId }) => stepId).toSorted();
const without = (...steps: string[]) => names.filter((name) => !steps.includes(name));

test("goes through a backlog in parts, from where it stopped to the end and from the start again", async () => {
  await lose("b", "f");
  const sweep = createReadySweep(engine, { looks: 3, batch: 10 });
  await sweep();
  expect(await announced()).toEqual(without("b", "f"));
  engine.clock.advance(jobEngineLimits.reemitAfterMs);
  const seen: string[][] = [];
  for (let n = 0; n < 3; n += 1) {
    await sweep();
    seen.push(await announced());
  }
  expect(seen).toEqual([without("f"), names, names]);
  await lose("a");
  engine.clock.advance(jobEngineLimits.reemitAfterMs);
  await sweep();
  expect(await announced()).toEqual(names);
});

test("announces no more at once than a sweep may, and goes on behind them", async () => {
  await lose(...names);
  engine.clock.advance(jobEngineLimits.reemitAfterMs);
  const sweep = createReadySweep(engine, { looks: 100, batch: 3 });
  const counts: number[] = [];
  for (let n = 0; n < 4; n += 1) {
    await sweep();
    counts.push((await announced()).length);
  }
  expect(counts).toEqual([3, 6, 7, 7]);
});

test("leaves alone what does not go on, and what was announced a moment ago", async () => {
  await lose(...names);
  const sweep = createReadySweep(engine);
  engine.clock.advance(jobEngineLimits.reemitAfterMs - 1);
  await sweep();
  expect(await announced()).toEqual([]);
  engine.clock.advance(1);
  await engine.store.tx((tx) => tx.updateTable("plan").set({ status: "paused" }).execute());
  await sweep();
  expect(await announced()).toEqual([]);
  await engine.store.tx((tx) => tx.updateTable("plan").set({ status: "running" }).execute());
  await sweep();
  expect(await announced()).toEqual(names);
});
