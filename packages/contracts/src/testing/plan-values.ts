// Small, valid values of the contracts for tests.
import type { Envelope } from "../envelope.ts";
import { PlanId } from "../ids.ts";
import { Plan, Step, sealPlan } from "../plan.ts";
import type { SealedPlan } from "../plan.ts";

export const testPlanId = PlanId.parse("plan-00000000-0000-4000-8000-000000000001");
export const testCommit = "a".repeat(40);
export const testTime = "2026-01-01T00:00:00.000Z";

export type StepInput = Partial<Omit<Step, "id" | "needs" | "envelope">> & {
  needs?: readonly string[];
  envelope?: Partial<Envelope>;
};

/** A writing step that may change `src/<id>.ts`. */
export function testStep(id: string, { envelope, ...changes }: StepInput = {}): Step {
  return Step.parse({
    id,
    title: `Do ${id}`,
    action: "apply_changes",
    tool: "code_writer",
    agent: "code-writer",
    capability: "repo.write",
    capabilityLabel: "Change files in the workspace",
    envelope: { tools: ["read_file", "write_file", "edit_file"], paths: [`src/${id}.ts`], ...envelope },
    successCheck: { kind: "changes" },
    files: [`src/${id}.ts`],
    ...changes,
  });
}

export function testPlan(steps: readonly Step[], changes: Partial<Plan> = {}): SealedPlan {
  return sealPlan(
    Plan.parse({
      id: testPlanId,
      revision: 1,
      createdAt: testTime,
      goal: "Make it better",
      planner: "model",
      repository: { commit: testCommit, branch: "main" },
      successCriteria: ["It is better."],
      steps,
      ...changes,
    }),
  );
}
