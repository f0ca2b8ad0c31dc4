// A plan whose steps have all ended is on its way out: a new revision would never be run.
import { AgentError, finishStepId } from "@ossaat/contracts";

import type { PlanTx } from "../job/engine.ts";
import { getStep } from "../step/step-rows.ts";

/** @throws AgentError conflict when the last step of the platform has been started */
export async function requireUnfinished({ tx, plan }: PlanTx): Promise<void> {
  if ((await getStep(tx, plan.id, finishStepId)) === undefined) return;
  throw new AgentError("conflict", "All steps of the plan have ended: it cannot be changed any more.", {
    details: { next: `wait for its end and run \`ossaat retry ${plan.id}\`` },
  });
}
