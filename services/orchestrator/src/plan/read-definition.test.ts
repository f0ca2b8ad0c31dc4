import { hashStep } from "@ossaat/contracts";
import { testPlan, testStep } from "@ossaat/contracts/testing";
import { expect, test } from "vitest";

import { planFeatureLimits } from "./limits.ts";
import { readDefinition } from "./read-definition.ts";

const plan = testPlan([testStep("a"), testStep("b", { needs: ["a"] })]);
const textOf = (title: string) => JSON.stringify({ ...plan, title });

test("gives every step by its id, with the hash of what it is", () => {
  const { steps, hashOf } = readDefinition(JSON.stringify(plan));
  expect([...steps]).toEqual(plan.steps.map((step) => [step.id, step]));
  expect([...steps.values()].map(hashOf)).toEqual(plan.steps.map(hashStep));
});

test("a stored hash is not believed, and a changed text is read again", () => {
  const text = JSON.stringify(plan);
  const before = readDefinition(text);
  const changed = readDefinition(text.replace('"id":"a"', '"id":"a","extra":"Something else"'));
  const hashes = [before, changed].map(({ steps, hashOf }) => {
    const step = steps.get("a");
    return step === undefined ? undefined : hashOf(step);
  });
  expect(new Set(hashes).size).toBe(2);
  expect(hashes).not.toContain(undefined);
});

test("keeps what was read lately, no more than its limit", () => {
  const first = readDefinition(textOf("first"));
  for (let n = 1; n < planFeatureLimits.keptDefinitions; n += 1) readDefinition(textOf(`other ${n}`));
  expect(readDefinition(textOf("first"))).toBe(first);
  for (let n = 0; n < planFeatureLimits.keptDefinitions; n += 1) readDefinition(textOf(`another ${n}`));
  expect(readDefinition(textOf("first"))).not.toBe(first);
});
