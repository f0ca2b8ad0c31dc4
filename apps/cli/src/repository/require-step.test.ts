import type { PlanState } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { requireStep } from "./require-step.ts";

const state = (...ids: string[]) => ({ id: "plan-1", steps: ids.map((id) => ({ id })) }) as unknown as PlanState;

test.each([[undefined], ["fix"], ["plan.1"], ["plan.finish"]])("takes %j", (step) => {
  expect(() => requireStep(state("fix", "test"), step)).not.toThrow();
});

test.each<[string, PlanState, string]>([
  ["fxi", state("fix", "test"), 'plan-1 has no step "fxi": its steps are fix, test. Did you mean fix?'],
  ["nope", state("fix", "test"), 'plan-1 has no step "nope": its steps are fix, test.'],
  ["nope", state(), 'plan-1 has no step "nope": it has none yet.'],
])("refuses %j", (step, plan, message) => {
  expect(() => requireStep(plan, step)).toThrow(expect.objectContaining({ code: "invalid_input", message }));
});
