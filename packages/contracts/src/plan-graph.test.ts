import { array, assert, constantFrom, integer, property, shuffledSubarray, tuple } from "fast-check";
import { describe, expect, test } from "vitest";

import { findGraphProblems, findHeadProblems, topologicalOrder } from "./plan-graph.ts";
import { testStep } from "./testing/index.ts";

const graph = (...steps: [id: string, ...needs: string[]][]) => ({
  steps: steps.map(([id, ...needs]) => testStep(id, { needs })),
});
const merge = (id: string, ...needs: string[]) => testStep(id, { needs, action: "merge" });
const audit = (id: string, ...needs: string[]) => testStep(id, { needs, action: "audit" });

describe("findGraphProblems", () => {
  test("finds none in a sound graph", () => {
    expect(findGraphProblems(graph(["a"], ["b", "a"], ["c", "a"], ["d", "b", "c"]))).toEqual([]);
  });

  test("names each problem with its place", () => {
    expect(findGraphProblems(graph(["a"], ["a"], ["plan.x"], ["c", "nowhere"]))).toEqual([
      { path: "steps", message: 'step id "a" is used more than once' },
      { path: "steps[2].id", message: 'ids that begin with "plan." are reserved' },
      { path: "steps[3].needs", message: 'unknown step "nowhere"' },
    ]);
  });

  test.each([
    [graph(["a", "a"]), "a"],
    [graph(["a", "b"], ["b", "a"]), "a, b"],
    [graph(["x"], ["a", "c"], ["b", "a"], ["c", "b"], ["after", "c"]), "a, b, c, after"],
  ])("finds a cycle %#", (plan, names) => {
    expect(findGraphProblems(plan)).toEqual([{ path: "steps", message: `steps form a cycle: ${names}` }]);
  });

  test("the order respects needs, whatever the order of the steps", () => {
    const edges = array(tuple(integer({ min: 0, max: 9 }), integer({ min: 0, max: 9 })), { maxLength: 20 });
    assert(
      property(edges, shuffledSubarray([...Array(10).keys()], { minLength: 10 }), (pairs, places) => {
        const steps = places.map((n) =>
          testStep(`s${n}`, { needs: pairs.filter(([a, b]) => b === n && a < b).map(([a]) => `s${a}`) }),
        );
        const { order, cycle } = topologicalOrder(steps);
        expect([order.length, cycle]).toEqual([10, []]);
        for (const step of steps) {
          for (const need of step.needs) expect(order.indexOf(need)).toBeLessThan(order.indexOf(step.id));
        }
      }),
    );
  });
});

describe("findHeadProblems", () => {
  test("one line of work may pass through reading steps", () => {
    const steps = [testStep("a"), audit("t", "a"), testStep("b", { needs: ["t"] }), audit("end", "b")];
    expect(findHeadProblems({ steps })).toEqual([]);
  });

  test("parallel work needs a merge before it is built on", () => {
    const steps = [testStep("a"), testStep("b"), audit("t", "a", "b")];
    expect(findHeadProblems({ steps })).toEqual([
      { path: "steps[2].needs", message: 'step "t" starts from a and b: put a merge step between' },
      { path: "steps", message: "the plan ends at a and b: join them with a merge step" },
    ]);
    expect(findHeadProblems({ steps: [testStep("a"), testStep("b"), merge("m", "a", "b"), audit("t", "m")] })).toEqual(
      [],
    );
  });

  test("two heads hidden behind readers are found", () => {
    const steps = [
      testStep("a"),
      testStep("b"),
      audit("ta", "a"),
      audit("tb", "b"),
      testStep("c", { needs: ["ta", "tb"] }),
    ];
    expect(findHeadProblems({ steps })).toEqual([
      { path: "steps[4].needs", message: 'step "c" starts from a and b: put a merge step between' },
    ]);
  });

  test("the plan ends at one commit", () => {
    expect(findHeadProblems(graph(["a"], ["b"]))).toEqual([
      { path: "steps", message: "the plan ends at a and b: join them with a merge step" },
    ]);
  });

  test("a cycle or an unknown need does not hang it", () => {
    const actions = constantFrom("apply_changes" as const, "audit" as const, "merge" as const);
    const needs = array(constantFrom("s0", "s1", "s2", "s3", "gone"), { maxLength: 4 });
    assert(
      property(array(tuple(actions, needs), { minLength: 1, maxLength: 4 }), (rows) => {
        const steps = rows.map(([action, needed], n) => testStep(`s${n}`, { action, needs: needed }));
        expect(Array.isArray(findHeadProblems({ steps }))).toBe(true);
      }),
    );
  });

  test("a wide and deep graph of readers is judged quickly", () => {
    const steps = [testStep("root")];
    for (let layer = 0; layer < 20; layer += 1) {
      const before = steps.slice(-3).map(({ id }): string => id);
      for (let n = 0; n < 3; n += 1) steps.push(audit(`r${layer}-${n}`, ...before));
    }
    expect(findHeadProblems({ steps })).toEqual([]);
  });
});
