// Parts of a server with a broker that does not answer: it must still end.
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { createEmbeddedQueue } from "../job/adapters/embedded.ts";
import type { StepStateRecord } from "../job/step-states.ts";
import { messagesOf } from "../testing/take-step.ts";
import { openTestEngine, storeApproved } from "../testing/test-engine.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { createQueueParts } from "./queue-parts.ts";

const plan = testPlan([testStep("a")]);
const onError = () => undefined;

test("a server ends although its broker answers nothing, and keeps the message", async () => {
  const engine = await openTestEngine();
  await storeApproved(engine, plan);
  let asked = 0;
  const never = () => {
    asked += 1;
    return new Promise<never>(() => undefined);
  };
  const openQueue = () => ({
    ...createEmbeddedQueue({ ...engine, onError }),
    depth: () => Promise.resolve(0),
    publish: never,
  });
  const parts = createQueueParts(engine, { openQueue, slots: 1 });
  parts.start();
  await waitUntil("the broker is asked", () => asked === 1);
  await parts.stop();
  expect((await messagesOf(engine, plan.id)).map(({ stepId }) => stepId)).toEqual(["a"]);
  await engine.remove();
});

test("a broker that keeps states of steps is told of them from the start on, until the end", async () => {
  const engine = await openTestEngine();
  await storeApproved(engine, plan);
  const told: StepStateRecord[] = [];
  const openQueue = () => ({
    ...createEmbeddedQueue({ ...engine, onError }),
    // Full: no message is sent.
    depth: () => Promise.resolve(100),
    sendStates(records: readonly StepStateRecord[]) {
      told.push(...records);
      return Promise.resolve();
    },
  });
  const parts = createQueueParts(engine, { openQueue, slots: 1 });
  engine.bus.wake(plan.id);
  expect(told).toEqual([]);
  parts.start();
  await waitUntil("the states are told", () => told.some(({ key }) => key === `${plan.id}:a`));
  await parts.stop();
  const before = told.length;
  engine.bus.wake(plan.id);
  // Longer than the pause between two sends.
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(told.length).toBe(before);
  await engine.remove();
});
