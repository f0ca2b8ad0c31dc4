import { afterEach, beforeEach, expect, test } from "vitest";

import { openTestEngine } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { createAnswerSweep } from "./forget-answers.ts";
import { recallAnswer, rememberAnswer } from "./idempotency.ts";
import { planFeatureLimits } from "./limits.ts";

const { idempotencyMs, forgottenAnswers, forgetPauseMs } = planFeatureLimits;

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
});
afterEach(() => engine.remove());

const command = (key: string) => ({ tenantId: "local", key, request: { goal: "g" } });
const remember = (key: string) =>
  engine.store.tx((tx) => rememberAnswer(tx, command(key), { now: engine.clock.now(), answer: key }));
const keys = async () => {
  const rows = await engine.store.read.selectFrom("idem").select("key").orderBy("key").execute();
  return rows.map(({ key }) => key);
};
const { signal } = new AbortController();

test("answers are forgotten at the end of their time, not before", async () => {
  const sweep = createAnswerSweep(engine);
  await remember("old");
  engine.clock.advance(idempotencyMs - 1);
  await remember("young");
  await sweep(signal);
  expect(await keys()).toEqual(["old", "young"]);
  engine.clock.advance(forgetPauseMs);
  await sweep(signal);
  expect([await keys(), await recallAnswer(engine.store.read, command("young"), engine.clock.now())]).toEqual([
    ["young"],
    "young",
  ]);
});

test("a key that is taken anew when its time is over is kept", async () => {
  await remember("again");
  engine.clock.advance(idempotencyMs);
  await remember("again");
  await createAnswerSweep(engine)(signal);
  expect(await keys()).toEqual(["again"]);
});

test("many are forgotten in parts, the next of them at once, and then it looks again after a while", async () => {
  const row = (n: number) => ({
    tenant_id: `t${n % 3}`,
    key: `k${n}`,
    request_hash: "h",
    response_json: "{}",
    expires_at: n,
  });
  const rows = Array.from({ length: forgottenAnswers + 2 }, (_, n) => row(n));
  const insert = (part: typeof rows) => engine.store.tx((tx) => tx.insertInto("idem").values(part).execute());
  await insert(rows);
  const sweep = createAnswerSweep(engine);
  const left: string[][] = [];
  for (let times = 0; times < 2; times += 1) {
    await sweep(signal);
    left.push(await keys());
  }
  await insert(rows.slice(0, 1));
  await sweep(signal);
  left.push(await keys());
  engine.clock.advance(forgetPauseMs);
  await sweep(signal);
  left.push(await keys());
  const last = [`k${forgottenAnswers}`, `k${forgottenAnswers + 1}`];
  expect(left).toEqual([last, [], ["k0"], []]);
});
