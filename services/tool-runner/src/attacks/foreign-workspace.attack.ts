// A call of one plan names the working tree of another.
import { makeInvocation, testPlanId } from "../testing/open-runner.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

const otherPlan = "plan-00000000-0000-4000-8000-000000000002";

export const foreignWorkspace: RunnerAttack = {
  id: "foreign-workspace",

  title: "work in the working tree of another plan",
  stride: "E",
  layer: "hash",
  against: "host",
  async attempt(target) {
    const read = { path: "a.txt" };
    const foreign = await target.send(makeInvocation("read_file", read, { planId: otherPlan }));
    const climbing = await target.send(makeInvocation("read_file", read, { workspaceId: "../work-1" as never }));
    return [foreign.text, climbing.code];
  },
  blocked: () => ["", "invalid_input"],
  audit: () => [["grant", "other_plan"]],
  planted: {
    async attempt(target) {
      const { text } = await target.send(makeInvocation("read_file", { path: "a.txt" }, { planId: testPlanId }));
      return text.includes("one");
    },
    gives: () => true,
  },
};
