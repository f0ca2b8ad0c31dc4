import { EndReason, PlanStatus } from "@ossaat/contracts";
import type { PlanState } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { exitCodeOf, exitCodeOfProposal } from "./exit-code.ts";

const state = (status: PlanStatus, more: Partial<PlanState> = {}) =>
  ({ status, steps: [], approvals: [], ...more }) as unknown as PlanState;

test("only a plan that succeeded exits 0", () => {
  const codes = PlanStatus.options.map((status) => [status, exitCodeOf(state(status))]);
  expect(Object.fromEntries(codes)).toEqual({
    draft: 9,
    awaiting_approval: 9,
    rejected: 5,
    pending: 9,
    running: 9,
    paused: 9,
    cancelling: 130,
    succeeded: 0,
    failed: 3,
    cancelled: 130,
  });
  const failed = EndReason.options.map((reason) => [reason, exitCodeOf(state("failed", { reason }))]);
  expect(failed.filter(([, code]) => code !== 3)).toEqual([
    ["denied", 5],
    ["expired", 5],
    ["rejected", 5],
    ["budget", 8],
    ["timeout", 8],
    ["limit", 8],
    ["policy", 5],
  ]);
});

test("making a plan exits 0 when the plan is there, also if somebody was quick to approve it", () => {
  const plan = {} as PlanState["plan"];
  const codes = PlanStatus.options.map((status) => [status, exitCodeOfProposal(state(status, { plan }))]);
  expect(codes.filter(([, code]) => code === 0).map(([status]) => status)).toEqual([
    "awaiting_approval",
    "pending",
    "running",
    "paused",
    "succeeded",
  ]);
  expect(exitCodeOfProposal(state("pending"))).toBe(9);
});
