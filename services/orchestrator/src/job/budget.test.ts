import { testPlan, testStep } from "@ossaat/contracts/testing";
import { afterEach, beforeEach, expect, test } from "vitest";

import { planRowOf } from "../testing/look.ts";
import { takeStep } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { releaseReservation, reserve, settle } from "./budget.ts";
import type { Reservation } from "./budget.ts";
import { changeClaimed } from "./claim-step.ts";
import type { Claim } from "./engine.ts";

const plan = testPlan([testStep("a"), testStep("b")]);
const planId = plan.id;
const budget = { maxTokens: 1_000, maxCostUsd: 1 };

let engine: TestEngine;
let a: Claim;
let b: Claim;
beforeEach(async () => {
  engine = await openTestEngine();
  await storeApproved(engine, plan);
  a = await takeStep(engine, planId, "a");
  b = await takeStep(engine, planId, "b");
});
afterEach(() => engine.remove());

const take = (claim: Claim, reservation: Reservation) =>
  changeClaimed(engine, claim, (change) =>
    reserve(change.tx, { plan: change.plan, stepId: claim.stepId, budget, reservation }),
  );
const spend = (claim: Claim, used: { tokens: number; costUsd: number | null }) =>
  changeClaimed(engine, claim, (change) => settle(change.tx, claim.step, used));
const books = async () => {
  const row = await planRowOf(engine, planId);
  return {
    spent: [row.spent_tokens, row.spent_cost_usd],
    reserved: [row.reserved_tokens, row.reserved_cost_usd],
    unknown: row.unknown_cost_turns,
  };
};

test("what is reserved counts against the budget until it is settled with what was used", async () => {
  await take(a, { tokens: 600, costUsd: 0.5 });
  await expect(take(b, { tokens: 401, costUsd: 0.1 })).rejects.toMatchObject({
    code: "limit_exceeded",
    message: "The budget is used up: 0 of 1000 tokens are spent and the next turn may need 401.",
    details: { budget: true },
  });
  await take(b, { tokens: 400, costUsd: 0.5 });
  expect(await books()).toEqual({ spent: [0, 0], reserved: [1_000, 1], unknown: 0 });
  await spend(a, { tokens: 100, costUsd: 0.25 });
  expect(await books()).toEqual({ spent: [100, 0.25], reserved: [400, 0.5], unknown: 0 });
  await take(a, { tokens: 500, costUsd: 0.25 });
});

test("the cap on money holds by itself, and nothing is reserved when it does not fit", async () => {
  await expect(take(a, { tokens: 1, costUsd: 1.01 })).rejects.toMatchObject({
    code: "limit_exceeded",
    message: "The budget is used up: $0.0000 of $1 is spent and the next turn may cost $1.0100.",
  });
  expect(await books()).toEqual({ spent: [0, 0], reserved: [0, 0], unknown: 0 });
});

test("of many reservations at once only as many fit as the budget has room for", async () => {
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => take(a, { tokens: 300, costUsd: 0.125 })));
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
  expect((await books()).reserved).toEqual([900, 0.375]);
});

test("an unknown price is counted as unknown, never as nothing", async () => {
  await take(a, { tokens: 10, costUsd: null });
  await spend(a, { tokens: 10, costUsd: null });
  await spend(a, { tokens: 5, costUsd: 0.5 });
  expect(await books()).toEqual({ spent: [15, 0.5], reserved: [0, 0], unknown: 1 });
});

test("giving back twice gives back once", async () => {
  await take(a, { tokens: 10, costUsd: 0.5 });
  await take(b, { tokens: 20, costUsd: 0.25 });
  await engine.store.tx((tx) => releaseReservation(tx, a.step));
  await engine.store.tx((tx) => releaseReservation(tx, a.step));
  expect(await books()).toEqual({ spent: [0, 0], reserved: [20, 0.25], unknown: 0 });
});
