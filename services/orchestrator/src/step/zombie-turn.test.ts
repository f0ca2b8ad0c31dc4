// A worker that lost its lease while a model answered it must not touch what the next worker records.
import { EventEmitter, once } from "node:events";
import path from "node:path";

import { testPlan, testStep } from "@ossaat/contracts/testing";
import { ProviderError, scriptedCapabilities } from "@ossaat/providers";
import type { StreamEvent } from "@ossaat/providers";
import { afterEach, beforeEach, expect, test } from "vitest";

import { claimStep, isClaim } from "../job/claim-step.ts";
import { LeaseLost } from "../job/engine.ts";
import type { Claim } from "../job/engine.ts";
import { sweepLeases, sweepTimers } from "../job/sweep.ts";
import { messagesOf } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import type { TestEngine } from "../testing/test-engine.ts";
import { createFileTurnJournal } from "./adapters/file-turn-journal.ts";
import { callModel } from "./call-model.ts";
import type { TurnJournal } from "./turn-journal.ts";

let engine: TestEngine;
let journal: TurnJournal;
let planId: string;

beforeEach(async () => {
  engine = await openTestEngine();
  journal = createFileTurnJournal(path.join(engine.folder, "turns"));
  planId = await storeApproved(engine, testPlan([testStep("a")]));
});
afterEach(() => engine.remove());

async function claim(worker: string): Promise<Claim & { step: never }> {
  const [message] = await messagesOf(engine, planId);
  if (message === undefined) throw new Error("nothing is ready");
  const claimed = await claimStep(engine, message, worker);
  if (!isClaim(claimed)) throw new Error("not claimed");
  return claimed as never;
}

const said = (text: string): StreamEvent[] => [
  { type: "start", warnings: [] },
  { type: "blockStart", blockId: "0", kind: "text" },
  { type: "blockDelta", blockId: "0", kind: "text", text },
];

/** A call whose model says something, waits to be released, and then breaks with `error`. */
function call(claimed: Claim, text: string, error?: Error) {
  const gate = new EventEmitter();
  const heard = once(gate, "heard");
  async function* stream(): AsyncGenerator<StreamEvent> {
    yield* said(text);
    const released = once(gate, "release");
    gate.emit("heard");
    await released;
    if (error !== undefined) throw error;
    yield { type: "blockEnd", blockId: "0", kind: "text" };
    yield { type: "finish", reason: "stop" };
  }
  const metadata = { planId, stepId: "a", turn: 1, requestAttempt: 1, agent: "code-writer" };
  const ended = callModel(engine, {
    claim: claimed,
    journal,
    budget: {},
    chars: 100,
    signal: new AbortController().signal,
    model: {
      ref: "recorded",
      modelId: "recorded",
      scripted: true,
      price: () => null,
      provider: { id: "test", stream, capabilities: () => scriptedCapabilities },
    },
    request: { system: "", messages: [], tools: [], metadata } as never,
  }).then(
    () => "recorded",
    (thrown: unknown) => (thrown instanceof LeaseLost ? "LeaseLost" : String(thrown)),
  );
  return { heard, ended, release: () => gate.emit("release") };
}

/** The lease ran out unseen, and another worker took the step. */
async function takeOver(): Promise<Claim> {
  await sweepLeases(engine, () => true);
  engine.clock.advance(400_000);
  await sweepTimers(engine);
  return claim("worker-2");
}

test.each([
  ["a failure that is no provider's", new TypeError("broken"), "LeaseLost"],
  ["a provider's failure", new ProviderError("network", "gone", { provider: "test" }), "LeaseLost"],
  ["an answer to its end", undefined, "LeaseLost"],
])("after %s the record of the next worker is whole", async (_what, error, ending) => {
  const first = call(await claim("worker-1"), "one", error);
  await first.heard;
  const second = call(await takeOver(), "two");
  await second.heard;
  const key = { planId, stepId: "a", turn: 1 };
  expect(await journal.received(key)).toEqual(said("two"));
  first.release();
  expect(await first.ended).toBe(ending);
  expect(await journal.received(key)).toEqual(said("two"));
  second.release();
  expect([await second.ended, await journal.received(key)]).toEqual(["recorded", undefined]);
});
