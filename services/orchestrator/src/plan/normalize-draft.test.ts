import { findGraphProblems, findHeadProblems, hashPlan } from "@ossaat/contracts";
import type { SealedPlan } from "@ossaat/contracts";
import { testCommit, testPlanId, testTime } from "@ossaat/contracts/testing";
import { array, assert, constantFrom, nat, property, record, subarray } from "fast-check";
import { describe, expect, test } from "vitest";

import { normalizeDraft } from "./normalize-draft.ts";
import type { NormalizeInput } from "./normalize-draft.ts";
import { PlanDraft } from "./plan-draft.ts";
import type { DraftStep } from "./plan-draft.ts";

type StepInput = { id: string } & Partial<DraftStep>;

const draftOf = (steps: readonly StepInput[], changes: Partial<PlanDraft> = {}) =>
  PlanDraft.parse({
    summary: "Do it",
    successCriteria: ["It is done."],
    steps: steps.map(({ id, ...step }) => ({ id, title: `Do ${id}`, summary: "…", files: [`src/${id}.ts`], ...step })),
    ...changes,
  });
const inputOf = (draft: PlanDraft, changes: Partial<NormalizeInput> = {}): NormalizeInput => ({
  draft,
  planId: testPlanId,
  revision: 1,
  createdAt: testTime,
  goal: "Make it better",
  planner: "model",
  model: { provider: "scripted", id: "m" },
  repository: { branch: "main", commit: testCommit },
  budget: {},
  agents: new Set(["code-writer", "tester", "auditor"]),
  profiles: new Map(),
  testCommands: [["npm", "test"]],
  finished: [],
  ...changes,
});
function planOf(draft: PlanDraft, changes: Partial<NormalizeInput> = {}): SealedPlan {
  const result = normalizeDraft(inputOf(draft, changes));
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}
const graphOf = (plan: SealedPlan) =>
  plan.steps.map(({ id, action, needs }) => `${id} (${action}) < ${needs.join(" ")}`);
const problemsOf = (draft: PlanDraft, changes: Partial<NormalizeInput> = {}) => {
  const result = normalizeDraft(inputOf(draft, changes));
  return "problems" in result ? result.problems : "none";
};

describe("a sound draft", () => {
  test("becomes a plan with tests, an audit and the narrowest envelopes", () => {
    const plan = planOf(draftOf([{ id: "edit", paths: ["docs/**"], commands: ["make lint"], risk: "medium" }]));
    expect(graphOf(plan)).toEqual(["edit (apply_changes) < ", "test (run_tests) < edit", "audit (audit) < test"]);
    const envelopes = plan.steps.map(({ capability, envelope: { paths, commands, egressHosts, secrets } }) => ({
      capability,
      paths,
      commands,
      egressHosts,
      secrets,
    }));
    const nothing = { egressHosts: [], secrets: [] };
    expect(envelopes).toEqual([
      { capability: "repo.write", paths: ["src/edit.ts", "docs/**"], commands: ["make lint", "npm test"], ...nothing },
      { capability: "test.run", paths: [], commands: ["npm test"], ...nothing },
      { capability: "repo.read", paths: [], commands: [], ...nothing },
    ]);
    expect(hashPlan(plan)).toBe(plan.planHash);
  });

  test("gets its risk by rule, and a finished step keeps the one it was approved with", () => {
    const draft = draftOf([{ id: "a" }, { id: "b", files: [".github/workflows/ci.yml"], needs: ["a"] }]);
    const first = planOf(draft);
    const risks = (plan: SealedPlan) => plan.steps.map(({ id, risk }) => `${id} ${risk}`);
    expect(risks(first)).toEqual(["a low", "b high", "test low", "audit low"]);
    expect(first.steps[1]?.metadata["protectedPaths"]).toBe(".github/workflows/ci.yml");
    const asApproved = { ...first.steps[1]!, risk: "low" as const, metadata: {} };
    const next = planOf(draftOf([{ id: "c" }]), { revision: 2, finished: [first.steps[0]!, asApproved] });
    expect(risks(next).slice(0, 2)).toEqual(["a low", "b low"]);
  });

  test("joins parallel work once, before it is built on and at the end", () => {
    const plan = planOf(
      draftOf([{ id: "d", needs: ["a", "b"] }, { id: "a" }, { id: "b" }, { id: "e", needs: ["a", "b"] }]),
    );
    expect(graphOf(plan)).toEqual([
      "a (apply_changes) < ",
      "b (apply_changes) < ",
      "merge-before-d (merge) < a b",
      "d (apply_changes) < merge-before-d",
      "e (apply_changes) < merge-before-d",
      "merge (merge) < d e",
      "test (run_tests) < merge",
      "audit (audit) < test",
    ]);
    expect(plan.steps[2]?.envelope.paths).toEqual(["src/a.ts", "src/b.ts"]);
  });

  test("gives only what its agents and commands allow", () => {
    const bare = planOf(draftOf([{ id: "edit" }]), { agents: new Set(["code-writer"]), testCommands: [] });
    expect(graphOf(bare)).toEqual(["edit (apply_changes) < "]);
    expect(bare.steps[0]?.envelope.tools).not.toContain("run_command");
  });

  test("may use the names the platform uses itself", () => {
    const ids = ["test", "audit", "merge", "test-2"];
    const plan = planOf(draftOf(ids.map((id) => ({ id }))));
    expect(plan.steps.map(({ id }): string => id)).toEqual([...ids, "merge-2", "test-3", "audit-2"]);
  });

  test("may have long names and many parallel steps", () => {
    const steps = Array.from({ length: 24 }, (_, n) => ({
      id: `step-${String(n).padStart(2, "0")}-${"x".repeat(40)}`,
    }));
    const last = { id: "y".repeat(48), needs: steps.slice(0, 16).map(({ id }) => id) };
    const plan = planOf(draftOf([...steps.slice(0, 23), last]), { revision: 12 });
    expect(plan.steps.every(({ id, title }) => id.length <= 64 && title.length <= 200)).toBe(true);
    expect([...findGraphProblems(plan), ...findHeadProblems(plan)]).toEqual([]);
  });
});

describe("a revision", () => {
  const first = planOf(draftOf([{ id: "a" }, { id: "b" }]));
  const finished = first.steps.filter(({ id }) => id === "a" || id === "b");

  test("keeps what has finished, builds on it and takes no used name", () => {
    const plan = planOf(draftOf([{ id: "a" }]), { revision: 2, finished });
    expect(graphOf(plan)).toEqual([
      "a (apply_changes) < ",
      "b (apply_changes) < ",
      "merge-before-a-r2 (merge) < a b",
      "a-r2 (apply_changes) < merge-before-a-r2",
      "test-r2 (run_tests) < a-r2",
      "audit-r2 (audit) < test-r2",
    ]);
    expect(plan.steps.slice(0, 2)).toEqual(finished);
  });

  test("may name a finished step as a need", () => {
    const plan = planOf(
      draftOf([
        { id: "c", needs: ["a"] },
        { id: "d", needs: ["c", "b"] },
      ]),
      { revision: 2, finished },
    );
    expect(graphOf(plan).slice(2, 5)).toEqual([
      "c-r2 (apply_changes) < a",
      "merge-before-d-r2 (merge) < c-r2 b",
      "d-r2 (apply_changes) < merge-before-d-r2",
    ]);
  });
});

describe("an unsound draft is refused with every reason", () => {
  test("cycle, unknown need, twice the same id", () => {
    expect(
      problemsOf(
        draftOf([
          { id: "a", needs: ["b"] },
          { id: "b", needs: ["a"] },
        ]),
      ),
    ).toEqual([{ path: "steps", message: "steps form a cycle: a, b" }]);
    expect(problemsOf(draftOf([{ id: "a", needs: ["gone"] }, { id: "a" }]))).toEqual([
      { path: "steps", message: 'step id "a" is used more than once' },
      { path: "steps[0].needs", message: 'unknown step "gone"' },
    ]);
  });

  test("unknown agent, and a step that may change nothing", () => {
    expect(
      problemsOf(
        draftOf([
          { id: "a", agent: "wizard" },
          { id: "b", files: [] },
        ]),
      ),
    ).toEqual([
      { path: "steps[0].agent", message: 'unknown agent "wizard"' },
      { path: "steps[1].files", message: "name at least one file or glob that the step changes" },
    ]);
  });

  test("more paths than an envelope holds, a command that is too long, too much text", () => {
    const files = (n: number) => Array.from({ length: 64 }, (_, index) => `src/${n}/${index}.ts`);
    const many = Array.from({ length: 5 }, (_, n) => ({ id: `s${n}`, files: files(n) }));
    expect(problemsOf(draftOf(many))).toEqual([{ path: "envelope.paths", message: expect.any(String) }]);
    expect(problemsOf(draftOf([{ id: "a" }]), { testCommands: [["x".repeat(600)]] })).not.toBe("none");
    const long = Array.from({ length: 24 }, (_, n) => ({
      id: `s${n}`,
      needs: n === 0 ? [] : [`s${n - 1}`],
      files: Array.from({ length: 64 }, (_, index) => `${"d".repeat(150)}/${index}.ts`),
    }));
    expect(problemsOf(draftOf(long))).toEqual([{ path: "", message: "the plan is larger than 262144 bytes" }]);
  });

  test("text that no hash can hold", () => {
    expect(problemsOf(draftOf([{ id: "a", title: "half \ud800" }]))).toEqual([
      { path: "", message: "The value cannot be written as canonical JSON." },
    ]);
  });
});

test("any draft gives a sound plan or reasons, never an error", () => {
  const ids = ["a", "b", "c", "test", "audit", "merge", "finished"];
  const step = record({
    id: constantFrom(...ids),
    needs: subarray([...ids, "gone"]),
    agent: constantFrom("code-writer", "code-writer", "code-writer", "wizard"),
    files: array(constantFrom("x.ts", "y.ts", "**"), { maxLength: 2 }),
  });
  const finished = planOf(draftOf([{ id: "finished" }])).steps.slice(0, 1);
  assert(
    property(array(step, { minLength: 1, maxLength: 6 }), nat(1), (steps, n) => {
      const result = normalizeDraft(inputOf(draftOf(steps), n === 0 ? {} : { revision: 2, finished }));
      if ("problems" in result) expect(result.problems.length).toBeGreaterThan(0);
      else expect([...findGraphProblems(result.plan), ...findHeadProblems(result.plan)]).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("a profile's human_approval makes the steps that use the capability ask", () => {
  const writer = {
    capabilities: ["repo.write" as const],
    approval_policy: { "repo.write": "human_approval" as const },
  };
  const profiles = new Map([["code-writer", writer]]);
  const plan = planOf(draftOf([{ id: "a" }, { id: "b" }]), { profiles });
  expect(plan.steps.map(({ id, approvalRequired }) => [id, approvalRequired])).toEqual([
    ["a", true],
    ["b", true],
    ["merge", true],
    ["test", false],
    ["audit", false],
  ]);
});
