import { describe, expect, test } from "vitest";

import { CreatePlanRequest, Goal } from "./api.ts";

function problemsOf(goal: unknown): string[] {
  const parsed = Goal.safeParse(goal);
  return parsed.success ? [] : parsed.error.issues.map(({ message }) => message);
}

const controlText = "the goal contains control characters: type it as plain text";

describe("Goal", () => {
  test("is kept as typed, without blanks around it", () => {
    expect(Goal.parse("  Füge 日本語 🎉 hinzu\n\tund teste es  ")).toBe("Füge 日本語 🎉 hinzu\n\tund teste es");
    expect(Goal.parse("x".repeat(2_048))).toHaveLength(2_048);
  });

  test.each(["", "   ", "\n\t"])("is refused when empty: %j", (goal) => {
    expect(problemsOf(goal)).toEqual(["the goal is empty: say in a sentence what should change"]);
  });

  test("is refused when too long, also by far, and says what to do", () => {
    const text = "the goal is longer than 2048 characters: put details in a file of the repository and name it";
    expect(problemsOf("x".repeat(2_049))).toEqual([text]);
    expect(problemsOf("word ".repeat(20_000))).toEqual([text]);
  });

  test.each(["a\u0000b", "a\u001b[31mb", "a\u007fb", "a\u0085b", "a\u202eb", "a\u2066b", "half \ud800 pair"])(
    "is refused with control, bidirectional or broken characters: %j",
    (goal) => {
      expect(problemsOf(goal)).toEqual([controlText]);
    },
  );

  test.each([undefined, null, 1, {}, ["x"]])("is text: %j", (goal) => {
    expect(Goal.safeParse(goal).success).toBe(false);
  });
});

describe("CreatePlanRequest", () => {
  const request = { goal: "Do it", repository: { path: "/repo" } };

  test("takes the least and the most", () => {
    const full = {
      ...request,
      repository: { path: "/repo", baseRef: "main" },
      model: "none",
      agents: ["code-writer"],
      budget: { maxTokens: 1, maxCostUsd: 0.5, maxMinutes: 1 },
    };
    expect([CreatePlanRequest.parse(request), CreatePlanRequest.parse(full)]).toEqual([request, full]);
  });

  test.each([
    { ...request, user: "root" },
    { ...request, repository: { path: "/repo", url: "x" } },
    { ...request, budget: { maxTokens: 1, maxDollars: 2 } },
    { ...request, budget: { maxTokens: 0 } },
    { ...request, budget: { maxCostUsd: Number.POSITIVE_INFINITY } },
    { ...request, agents: [] },
    { ...request, agents: ["../x"] },
    { goal: "x" },
  ])("is strict: %j", (value) => {
    expect(CreatePlanRequest.safeParse(value).success).toBe(false);
  });
});
