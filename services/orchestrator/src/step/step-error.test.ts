// A tool runner that is away, as while it is replaced, costs a step time and nothing else.
import { AgentError } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { connectToolRunner } from "@ossaat/tool-runner/client";
import { afterEach, beforeEach, expect, test } from "vitest";

import { completeStep, failStep } from "../job/end-step.ts";
import { jobEngineLimits } from "../job/limits.ts";
import { sweepTimers } from "../job/sweep.ts";
import { statusesOf } from "../testing/look.ts";
import { takeStep } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { toFailure } from "./step-error.ts";

const plan = testPlan([testStep("a")]);
const { unreachableRetryMs, maxUnreachable, maxFailures } = jobEngineLimits;

let engine: TestEngine;
beforeEach(async () => {
  engine = await openTestEngine();
  await storeApproved(engine, plan);
});
afterEach(() => engine.remove());

const status = async () => (await statusesOf(engine, plan.id))["a"];

/** What a call of a tool runner that is not there throws. */
async function callNobody(): Promise<unknown> {
  const runner = connectToolRunner("127.0.0.1:1", {});
  const thrown: unknown = await runner.workspaces.remove({ planId: plan.id }).catch((error: unknown) => error);
  runner.close();
  return thrown;
}

async function failTimes(times: number, thrown: unknown): Promise<void> {
  for (let n = 0; n < times && (await status()) === "ready"; n += 1) {
    await failStep(engine, await takeStep(engine, plan.id, "a"), toFailure(thrown));
    engine.clock.advance(unreachableRetryMs);
    await sweepTimers(engine);
  }
}

test("a step outlasts a tool runner that is away, and goes on when it is there", async () => {
  const thrown = await callNobody();
  expect(toFailure(thrown)).toMatchObject({ code: "unavailable", reason: "tool_failed", retryable: true });
  await failTimes(maxFailures * 4, thrown);
  expect(await status()).toBe("ready");
  await completeStep(engine, await takeStep(engine, plan.id, "a"), { summary: "done" });
  expect(await status()).toBe("succeeded");
});

test("what a step failed of before costs it none of that patience, and that costs it no failure", async () => {
  const away = await callNobody();
  const passing = new AgentError("tool_failed", "It did not work.", { details: { retryable: true } });
  for (let n = 1; n < maxFailures; n += 1) {
    await failTimes(1, passing);
    engine.clock.advance(jobEngineLimits.maxBackoffMs);
    await sweepTimers(engine);
    await failTimes(2, away);
    expect([n, await status()]).toEqual([n, "ready"]);
  }
  await failTimes(1, passing);
  expect(await status()).toBe("failed: tool_failed");
});

test("it does not wait for ever", async () => {
  await failTimes(maxUnreachable, await callNobody());
  expect(await status()).toBe("failed: tool_failed");
});

test("what else is unavailable fails a step as before", async () => {
  const failure = toFailure(new AgentError("unavailable", "The disk is full."));
  expect([failure.kind, failure.retryAfterMs]).toEqual([undefined, undefined]);
});
