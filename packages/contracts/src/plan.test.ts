import { anything, assert, constantFrom, dictionary, jsonValue, property, record, string } from "fast-check";
import { describe, expect, test } from "vitest";

import { AgentError } from "./agent-error.ts";
import { canonicalJson, hashJson, sha256Hex } from "./hash.ts";
import { Plan, hashPlan, hashStep, sealPlan } from "./plan.ts";
import { testPlan, testStep } from "./testing/index.ts";

/** The same value with every object's keys in the opposite order. */
function reversedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversedKeys);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, item]) => [key, reversedKeys(item)]),
  );
}

const wire = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const plan = testPlan([testStep("a"), testStep("b", { needs: ["a"] })]);

describe("canonical JSON", () => {
  test("is RFC 8785: sorted keys, no blanks, the shortest numbers", () => {
    const value = { b: [1.0, 1e21, -0, "\u20ac\n"], a: { z: null, "\u0001": true } };
    expect(canonicalJson(value)).toBe('{"a":{"\\u0001":true,"z":null},"b":[1,1e+21,0,"\u20ac\\n"]}');
  });

  test("its hash is SHA-256 over UTF-8", () => {
    expect([sha256Hex(""), hashJson("é")]).toEqual([
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      sha256Hex(new TextEncoder().encode('"é"')),
    ]);
  });

  test.each([undefined, Number.NaN, Number.POSITIVE_INFINITY, 1n, "half \ud800 pair", () => 1])(
    "refuses what JSON cannot hold: %s",
    (value) => {
      expect(() => canonicalJson(value)).toThrow(AgentError);
    },
  );

  test("any JSON value hashes the same, whatever the order of its keys", () => {
    assert(
      property(jsonValue(), (value) => {
        expect(hashJson(reversedKeys(value))).toBe(hashJson(value));
      }),
    );
  });
});

describe("hashes of a plan", () => {
  test("do not depend on the order of keys", () => {
    const turned = reversedKeys(wire(plan)) as Plan;
    expect([hashPlan(turned), turned.steps.map(hashStep)]).toEqual([plan.planHash, plan.steps.map(hashStep)]);
  });

  test("leave the hash fields themselves out", () => {
    expect(sealPlan(plan)).toEqual(plan);
    const other = { ...plan, planHash: "0".repeat(64), steps: plan.steps.map((step) => ({ ...step, stepHash: "1" })) };
    expect(hashPlan(other)).toBe(plan.planHash);
  });

  test("change with every field, at any depth, known or not", () => {
    const changes: Record<string, unknown>[] = [
      { goal: "Another" },
      { revision: 2 },
      { risks: ["new"] },
      { budget: { maxTokens: 1 } },
      { futureField: 1 },
      { repository: { ...plan.repository, futureField: 1 } },
      { steps: [...plan.steps].toReversed() },
      { steps: [{ ...plan.steps[0], futureField: null }, plan.steps[1]] },
      { steps: [{ ...plan.steps[0], envelope: { ...plan.steps[0]?.envelope, paths: ["**"] } }, plan.steps[1]] },
      { steps: [{ ...plan.steps[0], successCheck: { kind: "changes", futureField: 1 } }, plan.steps[1]] },
    ];
    const hashes = [plan, ...changes.map((change) => ({ ...plan, ...change }))].map(hashPlan);
    expect(new Set(hashes).size).toBe(changes.length + 1);
  });

  test("a step's hash changes with that step only", () => {
    const edited = sealPlan({ ...plan, steps: [plan.steps[0]!, { ...plan.steps[1]!, title: "Other" }] });
    expect(edited.steps.map(({ stepHash }, index) => stepHash === plan.steps[index]?.stepHash)).toEqual([true, false]);
    expect(sealPlan({ ...plan, goal: "Another" }).steps).toEqual(plan.steps);
  });

  test("survive being written, read by the schema and written again, unknown fields included", () => {
    const keys = string({ minLength: 1 }).filter((key) => !Object.hasOwn(Plan.shape, key) && key !== "__proto__");
    const extra = dictionary(keys, jsonValue(), { maxKeys: 3, noNullPrototype: true });
    assert(
      property(record({ onPlan: extra, onStep: extra, place: constantFrom(0, 1) }), ({ onPlan, onStep, place }) => {
        const steps = plan.steps.map((step, index) => (index === place ? { ...onStep, ...step } : step));
        const sealed = sealPlan({ ...onPlan, ...plan, steps });
        const read = Plan.parse(wire(sealed));
        expect(read).toEqual(wire(sealed));
        expect(hashPlan(read)).toBe(sealed.planHash);
        expect(read.steps.map(hashStep)).toEqual(sealed.steps.map(({ stepHash }) => stepHash));
      }),
      { numRuns: 60 },
    );
  });
});

describe("Plan", () => {
  test("fills in what may be left out", () => {
    const { id, revision, createdAt, goal, planner, repository, successCriteria } = plan;
    const { stepHash: _hash, ...step } = testStep("a");
    const { needs: _needs, labels: _labels, metadata: _metadata, risk: _risk, ...short } = step;
    const least = { id, revision, createdAt, goal, planner, repository, successCriteria, steps: [short] };
    expect(Plan.parse(least)).toEqual({
      ...least,
      schemaVersion: 1,
      summary: "",
      assumptions: [],
      risks: [],
      budget: {},
      steps: [step],
    });
  });

  test("never throws anything but a named problem", () => {
    assert(
      property(anything(), (value) => {
        expect(Plan.safeParse(value).success).toBe(false);
      }),
    );
  });
});
