import { describe, expect, test } from "vitest";

import {
  ApprovalId,
  PlanId,
  StepId,
  WorkspaceId,
  finishStepId,
  isPlanningStepId,
  isSystemStepId,
  planningStepId,
} from "./ids.ts";

const accepted = (schema: { safeParse(value: unknown): { success: boolean } }, values: readonly unknown[]) =>
  values.filter((value) => schema.safeParse(value).success);

describe("ids", () => {
  test("a plan id is plan- and a version 4 UUID, or the older eight digits", () => {
    const good = ["plan-00000000-0000-4000-8000-000000000001", "plan-0123abcd"];
    const bad = [
      "plan-00000000-0000-1000-8000-000000000001",
      "plan-00000000-0000-4000-8000-00000000000G",
      "PLAN-0123abcd",
      "plan-0123ABCD",
      "plan-0123abc",
      "plan-../../etc",
      "plan-0123abcd\n",
      "",
      1,
    ];
    expect(accepted(PlanId, [...good, ...bad])).toEqual(good);
  });

  test("a step id cannot name a folder above or hide a separator", () => {
    const good = ["a", "edit-readme", "A.b_c-1", "...", "x".repeat(64)];
    const bad = ["", ".", "..", "a/b", "a\\b", "a b", "a\n", "a:b", "ä", "x".repeat(65), null];
    expect(accepted(StepId, [...good, ...bad])).toEqual(good);
  });

  test("names of approvals and workspaces begin with a letter or digit", () => {
    const good = ["approval-1", "0", "x".repeat(128)];
    const bad = ["-x", ".x", "", "a/b", "x".repeat(129)];
    expect(accepted(ApprovalId, [...good, ...bad])).toEqual(good);
    expect(accepted(WorkspaceId, [...good, ...bad])).toEqual(good);
  });

  test("system steps are told apart from steps of a plan", () => {
    const ids = [planningStepId(1), planningStepId(12), finishStepId, "plan.x", "plan", "plan-1", "edit"];
    expect(ids.map((id) => [id, isPlanningStepId(id), isSystemStepId(id)])).toEqual([
      ["plan.1", true, true],
      ["plan.12", true, true],
      ["plan.finish", false, true],
      ["plan.x", false, true],
      ["plan", false, false],
      ["plan-1", false, false],
      ["edit", false, false],
    ]);
  });
});
