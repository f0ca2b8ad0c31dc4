// Stores what a planning step proposed, in the transaction that ends the step.
import { isTerminalStep } from "@ossaat/contracts";
import type { SealedPlan, Step } from "@ossaat/contracts";

import { releaseReservation } from "../job/budget.ts";
import { changeClaimed } from "../job/claim-step.ts";
import { keyOf } from "../job/end-step.ts";
import type { Claim, Engine } from "../job/engine.ts";
import { endAttempt, leaveRunning, listSteps } from "../step/step-rows.ts";
import { putRevision } from "./put-revision.ts";

/** Steps of the newest revision that finished well: a new revision builds on them. */
export async function finishedSteps(engine: Engine, claim: Claim): Promise<Step[]> {
  if (claim.plan.def_json === null) return [];
  const plan = JSON.parse(claim.plan.def_json) as SealedPlan;
  const rows = await listSteps(engine.store.read, claim.planId);
  const done = new Set(
    rows.filter((row) => isTerminalStep(row.status) && row.status === "succeeded").map((row) => row.step_id),
  );
  return plan.steps.filter((step) => done.has(step.id));
}

/** @throws LeaseLost */
export async function proposePlan(
  engine: Engine,
  claim: Claim,
  { plan, summary }: { plan: SealedPlan; summary: string },
): Promise<void> {
  const key = keyOf(claim);
  await changeClaimed(engine, claim, async (change) => {
    await releaseReservation(change.tx, claim.step);
    await leaveRunning(change.tx, key, { status: "succeeded" });
    await endAttempt(change.tx, key, { now: change.now, outcome: "succeeded" });
    const { stepId, attempt } = key;
    await change.append({ type: "step.finished", stepId, attempt, data: { status: "succeeded", result: { summary } } });
    await putRevision(change, { plan, origin: "planner" });
    await change.tx.updateTable("plan").set({ status: "awaiting_approval" }).where("id", "=", claim.planId).execute();
  });
}
