// Takes the parts of a worker one by one: the message of a step, its claim, its end.
import { JobEnvelope } from "@ossaat/contracts";

import { readPlanState } from "../event/read-events.ts";
import { claimStep, isClaim } from "../job/claim-step.ts";
import type { Claim, Engine } from "../job/engine.ts";
import { firstBadEnd, recordEnd } from "../step/run-finish-step.ts";

/** Messages of a plan that wait, oldest first; they stay in the queue. */
export async function messagesOf(engine: Engine, planId: string): Promise<JobEnvelope[]> {
  const rows = await engine.store.read
    .selectFrom("outbox")
    .select("envelope_json")
    .where("plan_id", "=", planId)
    .orderBy("available_at")
    .orderBy("id")
    .execute();
  return rows.map((row) => JobEnvelope.parse(JSON.parse(row.envelope_json)));
}

/** Takes a message out of the queue, as a worker does after its claim. */
export async function dropMessage(engine: Engine, { messageId }: JobEnvelope): Promise<void> {
  await engine.store.tx((tx) => tx.deleteFrom("outbox").where("id", "=", messageId).execute());
}

/** Claims a ready step by its message. @throws Error when it cannot be claimed */
export async function takeStep(engine: Engine, planId: string, stepId: string, worker = "worker-1"): Promise<Claim> {
  const message = (await messagesOf(engine, planId)).findLast((candidate) => candidate.stepId === stepId);
  if (message === undefined) throw new Error(`no message for ${stepId}`);
  const claim = await claimStep(engine, message, worker);
  await dropMessage(engine, message);
  if (!isClaim(claim)) throw new Error(`${stepId} cannot be claimed`);
  return claim;
}

/** Ends a plan as its last step does, without a repository. */
export async function endByLastStep(engine: Engine, claim: Claim): Promise<void> {
  const state = await readPlanState(engine.store.read, claim.planId);
  if (state === undefined) throw new Error("no plan");
  const bad = firstBadEnd(state);
  await recordEnd({ engine }, claim, bad === undefined ? { status: "succeeded" } : { status: "failed", ...bad });
}
