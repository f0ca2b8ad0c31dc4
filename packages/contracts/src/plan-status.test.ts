import { describe, expect, test } from "vitest";

import { PlanStatus, StepStatus, canPlanGo, canStepGo, isTerminalPlan, isTerminalStep } from "./plan-status.ts";

/** Everything that can follow a status, at any distance. */
function reach<S extends string>(from: S, all: readonly S[], canGo: (from: S, to: S) => boolean): Set<S> {
  const found = new Set<S>();
  const visit = (status: S): void => {
    for (const next of all) {
      if (!canGo(status, next) || found.has(next)) continue;
      found.add(next);
      visit(next);
    }
  };
  visit(from);
  return found;
}

const machines = [
  {
    name: "plan",
    first: "draft",
    all: PlanStatus.options as readonly string[],
    canGo: canPlanGo as (from: string, to: string) => boolean,
    isTerminal: isTerminalPlan as (status: string) => boolean,
    terminal: ["cancelled", "failed", "rejected", "succeeded"],
  },
  {
    name: "step",
    first: "blocked",
    all: StepStatus.options as readonly string[],
    canGo: canStepGo as (from: string, to: string) => boolean,
    isTerminal: isTerminalStep as (status: string) => boolean,
    terminal: ["cancelled", "failed", "skipped", "succeeded"],
  },
];

describe.each(machines)("the states of a $name", ({ first, all, canGo, isTerminal, terminal }) => {
  test("terminal states are the ones nothing leaves", () => {
    const stuck = all.filter((status) => all.every((next) => !canGo(status, next)));
    expect([stuck.sort(), all.filter(isTerminal).sort()]).toEqual([terminal, terminal]);
  });

  test("every state can be reached from the first one", () => {
    const reached = new Set([first, ...reach(first, all, canGo)]);
    expect([...reached].sort()).toEqual([...all].sort());
  });

  test("every open state can end, and can be cancelled", () => {
    for (const status of all.filter((candidate) => !isTerminal(candidate))) {
      expect(reach(status, all, canGo).has("cancelled")).toBe(true);
    }
  });
});
