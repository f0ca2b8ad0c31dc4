// Safeguards of the engine that every stack has, each taken away by one change of the source.
import type { Mutation } from "../../packages/testkit/src/chaos/index.ts";

export const noFence: Mutation = {
  name: "no fence",
  file: "services/orchestrator/src/job/claim-step.ts",
  find: `    .set({ lease_owner: claim.worker })
    .where("plan_id", "=", claim.planId)
    .where("step_id", "=", claim.stepId)
    .where("fence", "=", claim.fence)`,
  replace: `    .set({ lease_owner: claim.worker })
    .where("plan_id", "=", claim.planId)
    .where("step_id", "=", claim.stepId)`,
};
